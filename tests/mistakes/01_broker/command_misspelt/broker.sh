#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

rabbitmqctl adduser learner sesame || rabbitmqctl change_password learner sesame
