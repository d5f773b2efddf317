"""Stage 07: results, and how a job is sent."""

import contextlib
import importlib
import json
from typing import Any

from workshop.checks.facts.common import set_up


def results() -> dict[str, Any]:
    """Where the app keeps results, and which of Django's settings for Celery mention them."""
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    module = importlib.import_module("celery_testing.settings")
    names = [n for n in vars(module) if "RESULT" in n.upper() or "TRACK" in n.upper()]
    return {
        "backend": app.conf.result_backend,
        "started": app.conf.task_track_started,
        "ignored": bool(app.conf.task_ignore_result),
        "names": sorted(names),
    }


def submit(x: int, y: int) -> dict[str, Any]:
    """Make and send a job as the API does: return its id, and the messages published.

    A submit that waits for the result is stopped, since no worker runs here.
    """
    set_up()
    from celery import current_app
    from celery.result import AsyncResult
    from celery.signals import before_task_publish
    from django.db import connection

    models = importlib.import_module("sums.models")
    sent: list[dict[str, Any]] = []
    asked: list[str] = []

    def note(sender=None, headers=None, body=None, routing_key="", **_) -> None:
        args, kwargs, _ = body
        named = {**dict(zip(("x", "y"), args, strict=False)), **kwargs}
        known = False
        with contextlib.suppress(Exception):  # an invalid id belongs to no job
            known = models.Job.objects.filter(pk=headers["id"]).exists()
        about = {name: headers.get(name) for name in ("id", "eta", "ignore_result")}
        about.update(known=known, committed=not connection.in_atomic_block)
        sent.append({"task": sender, **about, "routing_key": routing_key, **named})

    def waits(*_, **__):
        asked.append("get")
        raise TimeoutError("the sending waits for the result")

    def look(self, meta=AsyncResult._get_task_meta):
        asked.append("state")
        return waits() if len(asked) > 5 else meta(self)

    before_task_publish.connect(note)
    AsyncResult.get = AsyncResult.wait = waits
    AsyncResult._get_task_meta = look
    job = importlib.import_module("sums.services").submit(x, y)
    conf = current_app.conf
    return {
        "id": str(job.pk),
        "sent": sent,
        "waited": "get" in asked,
        "default": conf.task_default_routing_key or conf.task_default_queue,
    }


def progress(x: int, y: int) -> dict[str, Any]:
    """What sum_number reports with update_state when it runs here as in a worker."""
    set_up()
    import uuid

    from celery.app.task import Task

    task = importlib.import_module("sums.tasks").sum_number
    job, told = str(uuid.uuid4()), []

    def note(self, task_id=None, state=None, meta=None, request=None, **_) -> None:
        told.append({"id": task_id, "state": state, "meta": meta})

    Task.update_state = note
    task.push_request(id=job, called_directly=False, args=(x, y))
    try:
        task.run(x, y)
    finally:
        task.pop_request()
    plain = json.loads(json.dumps(told, default=repr))
    return {"id": job, "told": plain, "ignored": bool(task.ignore_result)}
