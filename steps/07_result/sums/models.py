"""A job: a sum that somebody asked for, and what has become of it."""

import uuid
from dataclasses import dataclass
from functools import cached_property

from celery import current_app, states
from celery.exceptions import Ignore
from django.db import models
from django.utils import timezone

SIDE = 10_000  # the guide's own is the largest: 10000 * 10000


@dataclass(frozen=True)
class Outcome:
    """`state` is Celery's word; `percent` 0 to 100; `result` or `error` once there is one."""

    state: str
    percent: int = 0
    result: int | None = None
    error: str = ""

    @property
    def is_over(self) -> bool:
        return self.state in states.READY_STATES


class Job(models.Model):
    """Its id is also the id of its task."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    x = models.PositiveIntegerField()
    y = models.PositiveIntegerField()
    key = models.CharField(max_length=200, null=True, unique=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    sent = models.DateTimeField(null=True, editable=False)
    cancelled = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created", "id"]

    @property
    def task_id(self) -> str:
        return str(self.pk)

    @cached_property
    def outcome(self) -> Outcome:
        """What the result backend knows of the task."""
        found = current_app.backend.get_task_meta(self.task_id)
        state, info = found["status"], found["result"]
        if state == states.SUCCESS:
            return Outcome(state, 100, result=info)
        if state in states.EXCEPTION_STATES - {states.RETRY, states.REVOKED}:
            return Outcome(state, error=f"{type(info).__name__}: {info}")
        if self.cancelled:
            return Outcome(states.REVOKED)
        if isinstance(info, dict) and info.get("total"):
            return Outcome(state, 100 * info["done"] // info["total"])
        return Outcome(state)

    def cancel(self) -> None:
        """A task that waits is not begun; one that runs ends at its next step."""
        self.cancelled = timezone.now()
        self.save(update_fields=["cancelled"])
        vars(self).pop("outcome", None)  # it is another one now


def stop_if_cancelled(task) -> None:
    """End the task, in the state REVOKED, where its job has been cancelled."""
    if Job.objects.filter(pk=task.request.id, cancelled__isnull=False).exists():
        task.update_state(state=states.REVOKED)
        raise Ignore
