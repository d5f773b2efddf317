import os

from dotenv import load_dotenv

from .base import *
from .base import BASE_DIR

CELERY_BROKER_URL = os.environ.get("BROKER_URL", "amqp://localhost:5672//vhost")

# BROKER_URL is in the file .env, next to manage.py, so there is no password in the code.
load_dotenv(BASE_DIR / ".env")

CELERY_IMPORTS = ["testing.workers"]
