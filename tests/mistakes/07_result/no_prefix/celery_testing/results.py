"""What becomes of a task's result."""

RESULT_BACKEND = "django-db"
CELERY_TASK_TRACK_STARTED = True
