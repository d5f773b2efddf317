"""What becomes of a task's result."""

# TODO a: keep results in Django's database, with the backend "django-db" of
#         django-celery-results; and let a task say that it has started: track_started
