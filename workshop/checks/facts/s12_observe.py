"""Stage 12: what becomes of a request's id on its way through a message."""

import importlib
import uuid
from typing import Any

from workshop.checks.facts.common import set_up

TASK = "sums.tasks.sum_rows"


def carried(ids: list[str]) -> list[dict[str, Any]]:
    """Send a message for each request ("" for a message without any id), and run its task.

    Returns for each what `request_id` is while the task runs and after it, the id of the task,
    and what went wrong. No worker and no broker take part: the functions that Celery calls are
    called in its order.
    """
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    app.loader.import_default_modules()
    return [_carried(app.tasks[TASK], one) for one in ids]


def _carried(task, one: str) -> dict[str, Any]:
    from celery.signals import before_task_publish, task_postrun, task_prerun

    current = importlib.import_module("celery_testing.request_id").request_id
    number = str(uuid.uuid4())
    headers = {"id": number, "task": TASK, "root_id": number, "parent_id": None, "retries": 0}
    errors: list[str] = []
    if one:
        before = current.set(one)  # in the process that sends it
        body: tuple = ((), {}, {})
        errors += _call(before_task_publish, TASK, headers=headers, body=body, routing_key="sums")
        current.reset(before)
    task.push_request(called_directly=False, **headers)
    words = {"task_id": number, "task": task, "args": (), "kwargs": {}}
    try:
        errors += _call(task_prerun, task, **words)
        during = current.get()
        errors += _call(task_postrun, task, **words, retval=None, state="SUCCESS")
    finally:
        task.pop_request()
    shown = during if isinstance(during, str) else repr(during)
    return {"during": shown, "after": str(current.get()), "task": number, "errors": errors}


def _call(signal, sender, **words) -> list[str]:
    """The errors of a signal's receivers; Celery itself only logs them."""
    answers = [answer for _, answer in signal.send(sender=sender, **words)]
    return [f"{type(a).__name__}: {a}" for a in answers if isinstance(a, Exception)]
