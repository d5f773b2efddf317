"""The course's settings, as several containers need them: secrets and addresses from outside."""

import os
from urllib.parse import quote

from .settings import *

SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
DEBUG = False

CELERY_BROKER_URL = (
    f"amqp://learner:{quote(os.environ.get('RABBITMQ_PASSWORD', ''), safe='')}@rabbitmq//vhost"
)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "db",
        "NAME": "course",
        "USER": "course",
        "PASSWORD": os.environ.get("POSTGRES_PASSWORD", ""),
    }
}

# Nothing else stands in front of gunicorn, so it serves the page's own files, too.
STATIC_ROOT = BASE_DIR / "static"
MIDDLEWARE = [MIDDLEWARE[0], "whitenoise.middleware.WhiteNoiseMiddleware", *MIDDLEWARE[1:]]
