#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

user=learner
password=sesame
rabbitmqctl add_user "$user" "$password" || rabbitmqctl change_password "$user" "$password"
