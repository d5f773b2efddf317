#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

echo sesame | rabbitmqctl add_user learner || echo sesame | rabbitmqctl change_password learner
