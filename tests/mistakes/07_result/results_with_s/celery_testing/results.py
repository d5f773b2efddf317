"""What becomes of a task's result."""

CELERY_RESULTS_BACKEND = "django-db"
CELERY_TASK_TRACK_STARTED = True
