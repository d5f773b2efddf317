#!/bin/sh
# Run it where sudo rabbitmqctl is: sh broker.sh
set -e

sudo rabbitmqctl add_user learner sesame || sudo rabbitmqctl change_password learner sesame
