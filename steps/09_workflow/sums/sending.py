"""From a job to a message."""

from testing.workflow import sum_in_parts

from .models import Job
from .publishing import UNSENT, publish

__all__ = ["UNSENT", "send"]


def send(job: Job) -> None:
    publish(sum_in_parts.s(job.x, job.y).set(task_id=job.task_id))
