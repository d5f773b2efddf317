"""Where tasks go, and which there are: stage 05."""

import os

CELERY_BROKER_URL = os.environ.get("BROKER_URL", "amqp://localhost:5672//vhost")

CELERY_IMPORTS = ["testing.workers"]
