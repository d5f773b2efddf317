#!/bin/sh
# Run it where rabbitmqctl is: sh vhost.sh
set -e

rabbitmqctl add_vhost /vhost
rabbitmqctl set_permission -p /vhost learner ".*" ".*" ".*"
