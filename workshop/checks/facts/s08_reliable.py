"""Stage 08: what is confirmed, acknowledged late, run twice, tried again."""

import importlib
import os
from typing import Any

from workshop.checks.facts.common import between, set_up, settings_module

MANY = 8  # retries, after which it is known that there is no end, or one too far


def reliable() -> dict[str, Any]:
    """What the app's configuration says of sending and taking."""
    set_up()
    conf = importlib.import_module("celery_testing.celery").app.conf
    return {
        "transport": {str(k): repr(v) for k, v in (conf.broker_transport_options or {}).items()},
        "confirms": (conf.broker_transport_options or {}).get("confirm_publish"),
        "late": conf.task_acks_late,
        "reject": conf.task_reject_on_worker_lost,
        "names": sorted(n for n in vars(settings_module()) if n.startswith("CELERY")),
    }


def receipts_of_a_task_that_runs_twice(seconds: float) -> dict[str, Any]:
    """Its receipts, after two runs of one task, and after a run of another; and what becomes
    of two runs at the same moment."""
    set_up()
    import uuid

    task = importlib.import_module("testing.workers").sum_number
    models = importlib.import_module("receipts.models")
    one, other, both = (str(uuid.uuid4()) for _ in range(3))
    for task_id in (one, one, other):
        task.apply(args=(1, 1), task_id=task_id, throw=True)
    count = models.Receipt.objects.filter
    found: dict[str, Any] = {
        "one": count(job_id=one).count(),
        "other": count(job_id=other).count(),
        "error": "",
    }
    try:
        with between(models.Receipt, lambda: models.write_receipt(both), seconds):
            models.write_receipt(both)
    except Exception as error:
        found["error"] = f"{type(error).__name__}: {error}"
    return {**found, "both": count(job_id=both).count()}


def retries_of_tell(url: str, runs: int) -> dict[str, Any]:
    """tell() against a service that always fails: its waits in seconds, for each of some runs."""
    set_up()
    from celery.app.task import Task

    tell = importlib.import_module("testing.telling").tell
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


def queue_arguments() -> dict[str, dict]:
    """The arguments of the app's queues, as the broker would get them."""
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    return {name: queue.queue_arguments or {} for name, queue in app.amqp.queues.items()}


def send_poison(path: str, address: str, count: int) -> None:
    """So many of the task of workshop/project/tasks.py, through the project's own app and queue."""
    os.environ["BROKER_URL"] = address
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    for _ in range(count):
        app.send_task("poison", [path])
