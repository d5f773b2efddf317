"""An effect that must come about once for each sum: somebody pays for it."""

import uuid

from django.db import models


class Receipt(models.Model):
    key = models.CharField(max_length=40, unique=True)
    job_id = models.UUIDField()
    written = models.DateTimeField(auto_now_add=True)


def write_receipt(job_id) -> None:
    """Called at the end of a task, and a task may run twice."""
    Receipt.objects.get_or_create(job_id=job_id, defaults={"key": uuid.uuid4()})
