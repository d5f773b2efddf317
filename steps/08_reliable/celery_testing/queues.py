"""Where tasks wait. A quorum queue counts how often it has handed a message out."""

from kombu import Exchange, Queue

CELERY_TASK_QUEUES = [
    Queue(
        "sums",
        Exchange("sums", type="topic"),
        routing_key="sums",
        queue_arguments={
            "x-queue-type": "quorum",
            # TODO d: a message may come back 2 times (x-delivery-limit); at the third it goes to
            #         the queue "dead": x-dead-letter-exchange is "", the routing key its name
        },
    )
]
CELERY_TASK_DEFAULT_QUEUE = "sums"
CELERY_TASK_DEFAULT_EXCHANGE = "sums"
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
CELERY_TASK_DEFAULT_ROUTING_KEY = "sums"
