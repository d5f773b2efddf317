"""From a wish to a job: one way for the API and for the page."""

from celery.states import PENDING
from django.db import transaction
from django.utils import timezone

from .models import Job, Outcome
from .sending import UNSENT, send


class KeyUsed(Exception):
    """The idempotency key belongs to another sum."""


class NotSent(Exception):
    """The broker is not known to have taken the message."""


def submit(x: int, y: int, key: str | None = None) -> Job:
    """The job of this wish, sent. The same key again is the same job.

    Raises KeyUsed, and NotSent: then the same key may be tried again.
    """
    if key:
        job, _ = Job.objects.get_or_create(key=key, defaults={"x": x, "y": y})
    else:
        job = Job.objects.create(x=x, y=y)
    if (job.x, job.y) != (x, y):
        raise KeyUsed(f"the key {key!r} is that of {job.x} * {job.y}")
    try:
        if key:
            with transaction.atomic():  # who brings the same key at the same time waits here
                job = Job.objects.select_for_update().get(pk=job.pk)
                hand_over(job)
        else:
            hand_over(job)
    except UNSENT as error:
        if not key:  # nobody can ask for it again
            job.delete()
        raise NotSent(str(error)) from error
    return job


def hand_over(job: Job) -> None:
    """Send the job, unless it has been sent."""
    if not job.sent:
        send(job)
        job.sent = timezone.now()
        Job.objects.filter(pk=job.pk).update(sent=job.sent)
        job.outcome = Outcome(PENDING)  # sent this moment: there is nothing to ask for
