#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

rabbitmqctl delete_user learner || true
rabbitmqctl add_user learner sesame
