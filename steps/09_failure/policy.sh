#!/bin/sh
# Run it where rabbitmqctl is: sh policy.sh
set -e

# TODO b: set a policy for the queue "sums" in your vhost. A message may come back 2 times; the
#         third time, the broker moves it to the queue "dead". The dead-letter-exchange is "".
#
# rabbitmqctl set_policy -p VHOST --apply-to queues NAME PATTERN '{"a-setting": 1, "another": ""}'
