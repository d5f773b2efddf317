"""Celery's settings, after Django's own in base.py."""

import os
from pathlib import Path

from celery.schedules import crontab
from kombu import Exchange, Queue

from .base import *

# --- apps ---------------------------------------------------------------------------------

INSTALLED_APPS += ["django_celery_beat", "canaries", "dead_letters", "receipts", "reports"]
INSTALLED_APPS += ["thumbnails", "background", "django_tasks"]
MIDDLEWARE = ["celery_testing.request_id.middleware", *MIDDLEWARE]

# Files that the web server and the workers share: on several machines, a volume or an object store.
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", BASE_DIR / "media"))

# --- the broker ---------------------------------------------------------------------------

# Workers have one address, that of a load balancer. Senders know every broker: if one does not
# answer, they try the next.
CELERY_BROKER_URL = os.environ.get("BROKER_URL", "amqp://localhost:5672//vhost")
CELERY_BROKER_WRITE_URL = os.environ.get("BROKER_URLS", CELERY_BROKER_URL)

# The last part of a sum to finish sends the message that adds up all of them. If the broker is down
# at that moment, a worker keeps trying for five minutes: giving up would lose the parts' work.
PATIENCE = {"max_retries": 150, "interval_start": 0, "interval_step": 0.5, "interval_max": 2}
CELERY_TASK_PUBLISH_RETRY_POLICY = PATIENCE
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "confirm_publish": True,
    "connect_retries_timeout": 5 * 60,  # seconds in total, for all attempts to connect
    **PATIENCE,
}

# --- the queues ---------------------------------------------------------------------------

# A quorum queue counts how often it has delivered a message. A task that is sent with a delay waits
# in the broker, which requires an exchange of type topic.
CELERY_TASK_QUEUES = [
    Queue(name, Exchange(name, "topic"), name, queue_arguments={"x-queue-type": "quorum"})
    for name in ("sums", "quick")
]
CELERY_TASK_DEFAULT_QUEUE = "sums"
CELERY_TASK_CREATE_MISSING_QUEUES = False  # a misspelled name is an error, not a new queue

# All other tasks go to the default queue.
CELERY_TASK_ROUTES = {
    "receipts.tasks.*": {"queue": "quick"},
    "reports.tasks.*": {"queue": "quick"},
    "dead_letters.tasks.*": {"queue": "quick"},
}

# --- tasks --------------------------------------------------------------------------------

CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # a process holds one message, not four
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# A message that comes back after its task has succeeded is acknowledged, without a second run.
CELERY_WORKER_DEDUPLICATE_SUCCESSFUL_TASKS = True

CELERY_TASK_TIME_LIMIT = 10 * 60  # seconds, for a task that sets no limit itself
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 200_000  # kilobytes; a process above that is replaced

# The number of parts that senders ask for. Without it, they do not send the argument `parts`.
SUM_PARTS = int(os.environ.get("SUM_PARTS", "0")) or None

# Django tasks: their queue "default" is Celery's default queue.
TASKS = {
    "default": {
        "BACKEND": "background.CeleryBackend",
        "QUEUES": ["default", "quick"],
    }
}

# --- the schedule -------------------------------------------------------------------------

CELERY_BEAT_SCHEDULER = "celery_testing.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 0.5  # seconds until a change in the admin is noticed

# Beat writes this into its tables at each start: change an entry here, not in the admin.
CELERY_BEAT_SCHEDULE = {
    "hourly report": {"task": "reports.tasks.report", "schedule": crontab(minute=0)},
    # Without `expires`: the policy would make a dead letter of each canary that expires.
    "canary": {"task": "canaries.tasks.canary", "schedule": 5.0, "options": {"queue": "sums"}},
    "canary of quick": {
        "task": "canaries.tasks.canary",
        "schedule": 5.0,
        "options": {"queue": "quick"},
    },
    "dead letters": {"task": "dead_letters.tasks.collect", "schedule": 60.0},
}

CELERY_TIMEZONE = "UTC"

# --- results ------------------------------------------------------------------------------

CELERY_RESULT_EXPIRES = None  # the page shows a result for as long as its job exists
CELERY_RESULT_BACKEND = "django-db"
CELERY_TASK_TRACK_STARTED = True

# --- events and logs ----------------------------------------------------------------------

CELERY_TASK_SEND_SENT_EVENT = (
    True  # senders report what they send, too; `worker -E` turns on the rest
)

# One format for the web process and the workers; the filter gives each line its request's id.
BEGINNING = "[%(asctime)s: %(levelname)s/%(processName)s] %(request_id)s "
CELERY_WORKER_LOG_FORMAT = BEGINNING + "%(message)s"
CELERY_WORKER_TASK_LOG_FORMAT = BEGINNING + "%(task_name)s[%(task_id)s]: %(message)s"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "celery_testing.request_id.RequestIdFilter"}},
    "formatters": {"line": {"format": BEGINNING + "%(message)s"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": "line",
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    # Django's default handlers for these loggers would print each line twice, so remove them.
    "loggers": {"django": {}, "django.server": {"propagate": True}},
}
