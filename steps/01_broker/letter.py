"""Leave one letter in a queue: python letter.py letters"""

import sys

from kombu import Connection, Queue

# TODO c: make the queue and the letter survive rabbitmqctl stop_app and start_app
queue = Queue(sys.argv[1], durable=False)
delivery_mode = "transient"

with Connection("amqp://guest:guest@localhost:5672//") as connection:
    producer = connection.Producer()
    producer.publish(
        "hello",
        routing_key=queue.name,
        declare=[queue],
        delivery_mode=delivery_mode,
    )
