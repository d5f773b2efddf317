"""Celery's settings, after Django's own in base.py."""

import os

from .base import *

# --- apps ---------------------------------------------------------------------------------

INSTALLED_APPS += ["receipts"]

# --- the broker ---------------------------------------------------------------------------

CELERY_BROKER_URL = os.environ.get("BROKER_URL", "amqp://localhost:5672//vhost")
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "confirm_publish": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
}

# A quorum queue counts how often it has delivered a message. A task that is sent with a delay waits
# in the broker, which requires an exchange of type topic.
CELERY_TASK_DEFAULT_QUEUE = "sums"
CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"

# --- tasks --------------------------------------------------------------------------------

CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # a process holds one message, not four

# --- results ------------------------------------------------------------------------------

CELERY_RESULT_EXPIRES = None  # the page shows a result for as long as its job exists
CELERY_RESULT_BACKEND = "django-db"
CELERY_TASK_TRACK_STARTED = True
