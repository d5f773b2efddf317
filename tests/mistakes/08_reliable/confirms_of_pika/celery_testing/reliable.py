"""What keeps a task from being lost, and from counting twice."""

from .base import INSTALLED_APPS
from .messaging import CELERY_IMPORTS

INSTALLED_APPS = [*INSTALLED_APPS, "receipts"]
CELERY_IMPORTS = [*CELERY_IMPORTS, "testing.dead_letters", "testing.telling"]

# How a message is sent. A request does not wait for a broker that is not there.
CELERY_BROKER_CONNECTION_TIMEOUT = 0.5
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 0,
    "confirm_delivery": True,
}

# How a message is taken: one at a time for each process.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
