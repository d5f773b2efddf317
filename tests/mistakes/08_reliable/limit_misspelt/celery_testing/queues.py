"""Where tasks wait. A quorum queue counts how often it has handed a message out."""

from kombu import Exchange, Queue

CELERY_TASK_QUEUES = [
    Queue(
        "sums",
        Exchange("sums", type="topic"),
        routing_key="sums",
        queue_arguments={
            "x-queue-type": "quorum",
            "x-deliver-limit": 2,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "dead",
        },
    )
]
CELERY_TASK_DEFAULT_QUEUE = "sums"
CELERY_TASK_DEFAULT_EXCHANGE = "sums"
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
CELERY_TASK_DEFAULT_ROUTING_KEY = "sums"
