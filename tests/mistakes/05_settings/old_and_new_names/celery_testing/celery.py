import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")

app = Celery("tasks")
app.config_from_object("celery_testing.settings")
