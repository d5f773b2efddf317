"""The course's settings for several containers: secrets and addresses come from outside."""

import os
import tempfile
from pathlib import Path
from urllib.parse import quote

from .settings import *


def secret(name: str) -> str:
    """The variable NAME, or the content of the file that the variable NAME_FILE names."""
    if file := os.environ.get(f"{name}_FILE"):
        return Path(file).read_text().rstrip("\n")
    return os.environ.get(name, "")


SECRET_KEY = secret("DJANGO_SECRET_KEY")
DEBUG = False

# One address, for workers and senders: if there are several brokers, that of their load balancer.
CELERY_BROKER_URL = CELERY_BROKER_WRITE_URL = "amqp://{}:{}@{}//vhost".format(
    os.environ.get("RABBITMQ_USER", "learner"),
    quote(secret("RABBITMQ_PASSWORD"), safe=""),
    os.environ.get("RABBITMQ_HOST", "rabbitmq"),
)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("POSTGRES_HOST", "db"),
        "NAME": "course",
        "USER": "course",
        "PASSWORD": secret("POSTGRES_PASSWORD"),
        # A web process keeps its connection; a worker closes its own after each task.
        "CONN_MAX_AGE": 600,  # seconds
        "CONN_HEALTH_CHECKS": True,
    }
}

# One visitor may ask for sixty sums a minute. The counter is in each web process's memory: for one
# limit over all of them, set CACHES to a cache that they share.
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"anon": "60/minute"}}

# Set HTTPS=1 if a proxy with a certificate is in front and sets X-Forwarded-Proto and -For. Without
# one, a browser would get a redirect that nobody answers, and cookies that it does not send back.
HTTPS = os.environ.get("HTTPS") == "1"
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    REST_FRAMEWORK["NUM_PROXIES"] = 1  # believe that proxy about a visitor's address
    # A browser cannot be told to forget this: raise it to a year when HTTPS has worked for a while,
    # and think of the other names of the domain before you include them.
    SECURE_HSTS_SECONDS = int(os.environ.get("HSTS_SECONDS", "3600"))
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
else:  # `check --deploy` warns about all of that
    SILENCED_SYSTEM_CHECKS = [f"security.W{number}" for number in ("004", "008", "012", "016")]

# Nothing else is in front of gunicorn, so it serves the page's own files, too.
STATIC_ROOT = BASE_DIR / "static"
after_security = MIDDLEWARE.index("django.middleware.security.SecurityMiddleware") + 1
MIDDLEWARE.insert(after_security, "whitenoise.middleware.WhiteNoiseMiddleware")

# For thumbnails, set MEDIA_ROOT to a volume that the web server and the workers share. The files of
# the image are read-only; without a volume, there are no pictures, and nothing fails.
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT", Path(tempfile.gettempdir()) / "media"))
