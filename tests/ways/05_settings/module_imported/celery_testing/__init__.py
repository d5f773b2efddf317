from . import celery as celery
