"""Django's own settings. Celery's are in settings.py, which imports these."""

import os
from pathlib import Path
from urllib.parse import quote

import dj_database_url
from dotenv import load_dotenv

BASE_DIR = Path(__file__).resolve().parent.parent

load_dotenv(BASE_DIR / ".env")

SECRET_KEY = "for-this-course-on-this-machine-alone"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *os.environ.get("WEB_HOSTS", "").split()]
if "PROXIED_AT" in os.environ:  # on a hub, Jupyter's proxy is in front
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_results",
    "django_htmx",
    "drf_spectacular",
    "rest_framework",
    "sums",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ROOT_URLCONF = "celery_testing.urls"
WSGI_APPLICATION = "celery_testing.wsgi.application"

# To use another database, set DATABASE_URL: postgres://user:password@localhost:5432/name
DATABASES = {
    "default": dj_database_url.config(default=f"sqlite:///{quote(str(BASE_DIR / 'db.sqlite3'))}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Several processes write: readers do not wait for them, and writers wait for each other.
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        **DATABASES["default"].get("OPTIONS", {}),
    }

# Anyone may ask for a sum; there are no accounts here. So that one visitor cannot fill the queue,
# POSTs to the API are limited per address. The limit is high, since the drills of this course post
# as fast as they can. With a proxy in front, NUM_PROXIES says how many proxies to trust.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "300/second"},
    "NUM_PROXIES": 0,
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "PAGE_SIZE": 10,
}
SPECTACULAR_SETTINGS = {"TITLE": "Sums", "VERSION": "1", "SERVE_URLCONF": "celery_testing.urls"}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

STATIC_URL = os.environ.get("PROXIED_AT", "") + "/static/"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
