import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")

celery = Celery("tasks")
celery.config_from_object("django.conf:settings", namespace="CELERY")
