"""Celery's settings, after Django's own in base.py."""

import os

from .base import *

# --- the broker ---------------------------------------------------------------------------

CELERY_BROKER_URL = os.environ.get("BROKER_URL", "amqp://localhost:5672//vhost")

# --- results ------------------------------------------------------------------------------

CELERY_RESULT_EXPIRES = None  # the page shows a result for as long as its job exists

# TODO a: keep results in Django's database, with the backend "django-db" of
#         django-celery-results; and report that a task has started: track_started
