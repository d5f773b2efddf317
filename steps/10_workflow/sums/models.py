"""A job is a sum that somebody asked for; separate tasks count its parts.

A job's outcome is in the table of task results, and its progress in that of its parts.
"""

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from celery import states
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django_celery_results.models import TaskResult

SIDE = 10_000  # the guide's own sum is the largest: 10000 * 10000


@dataclass(frozen=True)
class Outcome:
    """A job's outcome so far; `state` is one of Celery's, or PROGRESS."""

    state: str
    percent: int = 0
    result: int | None = None

    @property
    def is_over(self) -> bool:
        return self.state in states.READY_STATES

    @property
    def has_failed(self) -> bool:
        return self.state == states.FAILURE


class JobQuerySet(models.QuerySet["Job"]):
    def sent(self) -> Self:
        """The jobs that the broker has accepted."""
        return self.exclude(sent=None)

    def cancelled(self) -> Self:
        return self.exclude(cancelled=None)


class Job(models.Model):
    """Its id is also the id of its task."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    x = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(SIDE)])
    y = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(SIDE)])
    key = models.CharField(max_length=200, null=True, unique=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    sent = models.DateTimeField(null=True, editable=False)
    cancelled = models.DateTimeField(null=True, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "id"]
        indexes = [models.Index(fields=["-created", "id"], name="job_newest_first")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(x__range=(1, SIDE), y__range=(1, SIDE)),
                name="job_sides_within_limits",
            )
        ]

    def __str__(self) -> str:
        return f"{self.x:,} × {self.y:,}"

    @property
    def task_id(self) -> str:
        return str(self.pk)

    @cached_property
    def outcome(self) -> Outcome:
        """This job's outcome. For many jobs, call `fetch_outcomes`, which asks once."""
        fetch_outcomes([self])
        return self.outcome

    def cancel(self) -> bool:
        """Cancel a waiting task; stop a running one at its next step. False if it is over."""
        if self.outcome.is_over and self.outcome.state != states.REVOKED:
            return False
        if not self.cancelled:
            self.cancelled = timezone.now()
            self.save(update_fields=["cancelled"])
            fetch_outcomes([self])
        return True


class Part(models.Model):
    """Some rows of a job, from `first` on."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="parts")
    first = models.PositiveIntegerField()
    done = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "first"], name="part_once_per_job")]

    def __str__(self) -> str:
        return f"{self.job} from row {self.first}"


def fetch_outcomes(jobs: Collection[Job]) -> None:
    """Set the `outcome` of each of these jobs, with two queries for all of them."""
    results = TaskResult.objects.filter(task_id__in=[job.task_id for job in jobs])
    results = results.only("task_id", "status", "result")
    found = {result.task_id: result for result in results}
    parts = Part.objects.filter(job__in=[job.pk for job in jobs]).values("job")
    shares = parts.annotate(share=100 * models.Count("done") / models.Count("pk"))
    percents = dict(shares.values_list("job", "share"))
    for job in jobs:
        job.outcome = _outcome(job, found.get(job.task_id), percents.get(job.pk, 0))


def _outcome(job: Job, found: TaskResult | None, percent: int) -> Outcome:
    state = found.status if found else states.PENDING
    if state == states.FAILURE:
        return Outcome(state)
    info = json.loads(found.result or "null") if found else None
    if state == states.SUCCESS:
        return Outcome(state, percent=100, result=info)
    if job.cancelled:
        return Outcome(states.REVOKED)
    if isinstance(info, dict) and info.get("total"):
        return Outcome(state, percent=100 * info["done"] // info["total"])
    return Outcome(state, percent)
