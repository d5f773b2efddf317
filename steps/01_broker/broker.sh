#!/bin/sh
# Run it where rabbitmqctl is: sh broker.sh
set -e

# TODO a: add the user "learner" with the password "sesame"

# TODO b: make a second run of this script end well, too
