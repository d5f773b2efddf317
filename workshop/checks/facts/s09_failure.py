"""Stage 09: what is tried again, and how a message that kills its process is sent."""

import importlib
import os
from typing import Any

from workshop.checks.facts.common import set_up

MANY = 8  # retries, after which it is clear that there is no limit, or one too high


def retries_of_tell(url: str, runs: int) -> dict[str, Any]:
    """Run tell() against a service that always fails: return the waits in seconds of each run."""
    set_up()
    from celery.app.task import Task

    tell = importlib.import_module("receipts.tasks").tell
    waits: list[list[float]] = []
    retry = Task.retry

    def note(self, *args, countdown=None, **words):
        waited = self.default_retry_delay if countdown is None else countdown
        waits[-1].append(waited)
        if self.request.retries > MANY:
            raise RuntimeError(f"more than {MANY} times")
        return retry(self, *args, countdown=0, **words)

    Task.retry = note
    ended, why = "", ""
    for _ in range(runs):
        waits.append([])
        result = tell.apply(args=(url, "done")).result
        ended, why = type(result).__name__, str(result)
        if len(waits[-1]) > MANY:
            break
    found = {"waits": list(waits), "ended": ended, "why": why}
    waits.append([])
    tell.apply(args=("http://127.0.0.1:9/", "done"))  # nobody listens at port 9, discard
    return {**found, "unreachable": len(waits[-1])}


def send_poison(path: str, address: str, count: int) -> None:
    """Send `count` tasks of workshop/project/tasks.py, through the project's own app and queue."""
    os.environ["BROKER_URL"] = address
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    for _ in range(count):
        app.send_task("poison", [path])
