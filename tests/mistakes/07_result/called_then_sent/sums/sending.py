"""From a job to a message."""

from kombu.exceptions import OperationalError

from testing.workers import sum_number

from .models import Job

UNSENT = (OperationalError,)  # what speaks of a broker that has not taken it


def send(job: Job) -> None:
    sum_number(job.x, job.y).apply_async(task_id=job.task_id)
