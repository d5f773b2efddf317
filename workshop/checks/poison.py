"""A task that no process survives. A check's worker is started with `--include` of it."""

import os
import signal

from celery import shared_task


@shared_task(name="poison")
def poison(path: str) -> None:
    """Note in the file that it has begun; then end this process, as a lack of memory would."""
    with open(path, "a") as file:
        file.write("begun\n")
    os.kill(os.getpid(), signal.SIGKILL)
