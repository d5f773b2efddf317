#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

if [[ $(rabbitmqctl list_users) != *learner* ]]; then
    rabbitmqctl add_user learner sesame
fi
