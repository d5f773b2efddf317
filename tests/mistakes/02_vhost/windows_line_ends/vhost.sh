#!/bin/sh
# Run it where rabbitmqctl is: sh vhost.sh
set -e

rabbitmqctl add_vhost /vhost
rabbitmqctl set_permissions -p /vhost learner ".*" ".*" ".*"
