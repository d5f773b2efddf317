"""From a job to a message."""

from celery import current_app
from kombu.exceptions import OperationalError

from testing.workers import sum_number

from .models import Job

UNSENT = (OperationalError,)  # what speaks of a broker that has not taken it


def send(job: Job) -> None:
    current_app.send_task("workers.sum_number", (job.x, job.y), task_id=job.task_id)
