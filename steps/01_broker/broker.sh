#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

# TODO a: add the user "learner" with the password "sesame"

# TODO b: make this script safe to run twice
