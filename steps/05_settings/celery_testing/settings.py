import os

from dotenv import load_dotenv

from .base import *
from .base import BASE_DIR

# BROKER_URL is in the file .env, next to manage.py, so there is no password in the code.
load_dotenv(BASE_DIR / ".env")

# TODO a: set the broker's address from the environment variable BROKER_URL,
#         with "amqp://localhost:5672//vhost" as the default;
#         and list the tasks' module in CELERY_IMPORTS, as the guide does
