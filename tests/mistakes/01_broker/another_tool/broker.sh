#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

rabbitmqadm declare user name=learner password=sesame tags=
