#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

rabbitmqctl add_user learner sesame || rabbitmqctl change_password learner sesame
