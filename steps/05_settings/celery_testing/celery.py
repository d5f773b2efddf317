import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")

app = Celery("tasks")
# TODO b: let the app read Django's settings, those whose names begin with CELERY_
