"""The enqueued tasks: a waiting task has a row, and one that never existed has none."""

import uuid

from django.db import models


class Enqueued(models.Model):
    """Its id is also the id of the Celery task that runs it, and of its result."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    path = models.CharField(max_length=255)  # of the task's function, as Python imports it
    args = models.JSONField()
    kwargs = models.JSONField()
    enqueued = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.path} {self.args} {self.kwargs}"
