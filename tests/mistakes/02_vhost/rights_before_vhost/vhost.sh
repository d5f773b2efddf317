#!/bin/sh
# Run it where rabbitmqctl is: sh vhost.sh
set -e

rabbitmqctl set_permissions -p /vhost learner ".*" ".*" ".*"
rabbitmqctl add_vhost /vhost
