#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

rabbitmqctl add_user Learner sesame || rabbitmqctl change_password Learner sesame
