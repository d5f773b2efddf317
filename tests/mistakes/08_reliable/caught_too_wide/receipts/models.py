"""An effect that must come about once for each sum: somebody pays for it."""

from django.db import models


class Receipt(models.Model):
    key = models.CharField(max_length=40, unique=True)
    job_id = models.UUIDField()
    written = models.DateTimeField(auto_now_add=True)


def write_receipt(job_id) -> None:
    """Called at the end of a task, and a task may run twice."""
    try:
        Receipt.objects.create(key=job_id)
    except Exception:
        pass
