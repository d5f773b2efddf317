#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

if rabbitmqctl -q list_users | grep -q '^learner'; then
    rabbitmqctl change_password learner sesame
else
    rabbitmqctl add_user learner sesame
fi
