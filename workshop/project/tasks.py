"""Tasks of the course, for a worker that is started with `--include` of this module."""

import fcntl
import os
import signal

from celery import shared_task
from celery.utils.log import get_task_logger

logger = get_task_logger(__name__)


@shared_task(name="poison")
def poison(path: str) -> None:
    """Note in the file that it has begun; then end this process, as the OOM killer would."""
    with open(path, "a") as file:
        file.write("begun\n")
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task(name="read", ignore_result=True)
def read(job_id: str) -> int:
    """Look a job up in the database of the project."""
    from sums.models import Job

    return Job.objects.get(pk=job_id).x


@shared_task(name="nothing")
def nothing() -> None:
    """A task that does nothing, so that only the way there and back is left."""


@shared_task(name="add")
def add(x: int, y: int) -> int:
    """The smallest task there is."""
    return x + y


@shared_task(name="much")
def much(size: int) -> str:
    """A result of `size` characters."""
    return "x" * size


@shared_task(name="length")
def length(texts: list[str]) -> int:
    """The total length of the texts."""
    return sum(map(len, texts))


_leaked: list[bytes] = []


@shared_task(name="leak", ignore_result=True)
def leak(mib: int) -> None:
    """Use this much memory, in MiB, and never give it back."""
    _leaked.append(os.urandom(mib * 2**20))


@shared_task(name="locked", ignore_result=True)
def locked(path: str) -> None:
    """Wait for as long as another process has locked this file."""
    logger.info("waits for the lock")
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
