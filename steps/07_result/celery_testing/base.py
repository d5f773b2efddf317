"""Django's own settings. Those of Celery come in settings.py, which starts from here."""

import os
from pathlib import Path
from urllib.parse import quote

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "for-this-course-on-this-machine-alone"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *os.environ.get("WEB_HOSTS", "").split()]
if "PROXIED_AT" in os.environ:  # on a hub, Jupyter's proxy stands in front
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_celery_results",
    "django_htmx",
    "drf_spectacular",
    "rest_framework",
    "sums",
    "testing",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
    }
]

ROOT_URLCONF = "celery_testing.urls"
WSGI_APPLICATION = "celery_testing.wsgi.application"

# DATABASE_URL names another one: postgres://user:password@localhost:5432/name
DATABASES = {
    "default": dj_database_url.config(default=f"sqlite:///{quote(str(BASE_DIR / 'db.sqlite3'))}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Several processes write: readers do not wait for them, and writers wait for one another.
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }

REST_FRAMEWORK = {
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "PAGE_SIZE": 10,
}
SPECTACULAR_SETTINGS = {"TITLE": "Sums", "VERSION": "1", "SERVE_URLCONF": "sums.urls"}

STATIC_URL = os.environ.get("PROXIED_AT", "") + "/static/"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
