"""What becomes of a task's result."""

CELERY_RESULT_BACKEND = "django_celery_results.backends.DatabaseBackend"
CELERY_TASK_TRACK_STARTED = True
