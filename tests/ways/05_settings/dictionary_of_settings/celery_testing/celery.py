import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")

app = Celery("tasks")
app.conf.update(broker_url=settings.CELERY_BROKER_URL, imports=settings.CELERY_IMPORTS)
