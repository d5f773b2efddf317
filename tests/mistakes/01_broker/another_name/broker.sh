#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

rabbitmqctl add_user lerner sesame || rabbitmqctl change_password lerner sesame
