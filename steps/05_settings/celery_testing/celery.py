import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")

app = Celery("tasks")
# TODO b: make the app read the Django settings whose names begin with CELERY_
