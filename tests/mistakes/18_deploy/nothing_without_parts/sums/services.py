"""What views do with jobs: the same for the API and the page."""

import logging
import uuid

from celery import states
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from .models import Job, Outcome
from .publisher import UNSENT, publish
from .tasks import sum_in_parts

logger = logging.getLogger(__name__)


class KeyUsed(Exception):
    """The idempotency key belongs to another sum."""


class NotSent(Exception):
    """The broker is not known to have accepted the message."""


def submit(x: int, y: int, key: str = "") -> Job:
    """Create a job and send its task. Repeating a key returns the same job.

    Raises KeyUsed; or NotSent, after which the same key may be tried again.
    """
    key = key or uuid.uuid4().hex
    job, _ = Job.objects.get_or_create(key=key, defaults={"x": x, "y": y})
    if (job.x, job.y) != (x, y):
        raise KeyUsed(f"the key {key!r} belongs to {job}")
    try:
        # Inside the transaction on purpose: a second request with this key waits for the row (with
        # SQLite, for the database), and must not answer before the broker has accepted the message
        # or refused it. The job itself was committed before, so that the worker finds it.
        with transaction.atomic(durable=True):
            job = Job.objects.select_for_update().get(pk=job.pk)
            if not job.sent:
                send(job)
                job.sent = timezone.now()
                job.save(update_fields=["sent"])
                job.outcome = Outcome(states.PENDING)  # there is nothing to look up yet
    except UNSENT as error:
        logger.warning("the broker did not accept job %s: %s", job.pk, error)
        raise NotSent(str(error)) from error
    return job


def send(job: Job) -> None:
    # A worker of the release before refuses `parts`: set SUM_PARTS when the last one has stopped.
    more = {"parts": settings.SUM_PARTS} if settings.SUM_PARTS else {}
    if more:
        publish(sum_in_parts.s(job.x, job.y, **more).set(task_id=job.task_id))
