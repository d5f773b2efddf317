import os

from dotenv import load_dotenv

from .base import *
from .base import BASE_DIR

# BROKER_URL is in the file .env, next to manage.py, so there is no password in the code.
load_dotenv(BASE_DIR / ".env")

# TODO a: set the broker's address from the environment variable BROKER_URL,
#         with "amqp://localhost:5672//vhost" where there is none;
#         and name the module of the tasks, as the guide does: CELERY_IMPORTS
