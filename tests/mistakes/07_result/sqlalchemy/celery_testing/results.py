"""What becomes of a task's result."""

CELERY_RESULT_BACKEND = "db+sqlite:///db.sqlite3"
CELERY_TASK_TRACK_STARTED = True
