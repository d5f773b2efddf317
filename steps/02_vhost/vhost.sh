#!/bin/sh
# Run it where rabbitmqctl is: sh vhost.sh
set -e

# TODO a: add the vhost "/vhost"

# TODO b: give the user "learner" the right to configure, write and read everything in it
