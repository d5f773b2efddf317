#!/bin/sh
# Run it where rabbitmqctl is: sh policy.sh
set -e

rabbitmqctl set_policy -p /vhost --apply-to queues sums '.*' \
    '{"delivery-limit": 2, "dead-letter-exchange": "", "dead-letter-routing-key": "dead"}'
