"""Celery's settings, after Django's own in base.py."""

import os

from .base import *

# --- the broker ---------------------------------------------------------------------------

CELERY_BROKER_URL = os.environ.get("BROKER_URL", "amqp://localhost:5672//vhost")

# --- results ------------------------------------------------------------------------------

CELERY_RESULT_EXPIRES = None  # the page shows a result for as long as its job exists
CELERY_RESULT_BACKEND = "django_db"
CELERY_TASK_TRACK_STARTED = True
