"""From a job to a message."""

from testing.workers import sum_number

from .models import Job
from .publishing import UNSENT, publish

__all__ = ["UNSENT", "send"]


def send(job: Job) -> None:
    publish(sum_number.s(job.x, job.y).set(task_id=job.task_id))
