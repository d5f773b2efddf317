#!/bin/sh
# Run it where rabbitmqctl is: sh policy.sh
set -e

rabbitmqctl set_policy --vhost=/vhost --priority 7 --apply-to queues sums "^s" \
    '{"delivery-limit": 2, "dead-letter-exchange": "", "dead-letter-routing-key": "dead"}'
