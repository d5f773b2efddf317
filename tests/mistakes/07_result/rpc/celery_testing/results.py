"""What becomes of a task's result."""

CELERY_RESULT_BACKEND = "rpc://"
CELERY_TASK_TRACK_STARTED = True
