"""What becomes of a task's result."""

CELERY_RESULT_BACKEND = "django_db"
CELERY_TASK_TRACK_STARTED = True
