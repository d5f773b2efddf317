"""From a job to a message."""

from kombu.exceptions import OperationalError

from testing.workers import sum_number

from .models import Job

UNSENT = (OperationalError,)  # what speaks of a broker that has not taken it


def send(job: Job) -> None:
    # TODO b: publish sum_number with the job's x and y, under the job's own id
    pass
