#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

rabbitmqctl add_user learner secret || rabbitmqctl change_password learner sesame
