#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

if ! rabbitmqctl add_user learner sesame 2>/dev/null; then
    rabbitmqctl change_password learner sesame
fi
