"""Stage 12: what happens to a request's id on its way through a message."""

import importlib
import uuid
from typing import Any

from workshop.checks.facts.common import set_up

TASK = "sums.tasks.sum_rows"
MODULE = "celery_testing.request_id"


def carried(ids: list[str]) -> dict[str, Any]:
    """Send a message for each request ("" for a message without any id), and run its task.

    `runs` has, for each message, the value of `request_id` during the task and after it, the header
    that carried it, the task's id, and any errors. `called` lists the functions of request_id.py
    that Celery calls when a task begins; `after_request` is the id after a request is finished. No
    worker or broker takes part: this calls the functions in the order in which Celery does.
    """
    set_up()
    from celery.signals import task_prerun
    from django.core.signals import request_finished

    app = importlib.import_module("celery_testing.celery").app
    app.loader.import_default_modules()
    task = app.tasks[TASK]
    runs = [_carried(task, one) for one in ids]
    current = importlib.import_module(MODULE).request_id
    before = current.set(ids[0])
    request_finished.send(sender=None)
    after = str(current.get())
    current.reset(before)
    return {"runs": runs, "called": functions_of(task_prerun, task), "after_request": after}


def functions_of(signal, sender) -> list[str]:
    """The names of the functions of request_id.py that a signal calls."""
    found = signal._live_receivers(sender)
    return [one.__name__ for one in found if getattr(one, "__module__", "") == MODULE]


def called_before_publish() -> list[str]:
    """The functions of request_id.py that Celery calls before it publishes."""
    set_up()
    from celery.signals import before_task_publish

    importlib.import_module("celery_testing.celery")
    return functions_of(before_task_publish, TASK)


def _carried(task, one: str) -> dict[str, Any]:
    from celery._state import _task_stack
    from celery.signals import before_task_publish, task_postrun, task_prerun

    current = importlib.import_module(MODULE).request_id
    number = str(uuid.uuid4())
    headers = {"id": number, "task": TASK, "root_id": number, "parent_id": None, "retries": 0}
    errors: list[str] = []
    if one:
        before = current.set(one)  # in the process that sends it
        body: tuple = ((), {}, {})
        errors += _call(before_task_publish, TASK, headers=headers, body=body, routing_key="sums")
        current.reset(before)
    names = [name for name, value in headers.items() if value == one]
    _task_stack.push(task)  # celery.current_task
    task.push_request(called_directly=False, **headers)
    words = {"task_id": number, "task": task, "args": (), "kwargs": {}}
    try:
        errors += _call(task_prerun, task, **words)
        during = current.get()
        errors += _call(task_postrun, task, **words, retval=None, state="SUCCESS")
    finally:
        task.pop_request()
        _task_stack.pop()
    found = {"during": during if isinstance(during, str) else repr(during), "task": number}
    return {**found, "after": str(current.get()), "header": (names or [""])[0], "errors": errors}


def _call(signal, sender, **words) -> list[str]:
    """The errors that a signal's receivers raise; Celery itself only logs them."""
    answers = [answer for _, answer in signal.send(sender=sender, **words)]
    return [f"{type(a).__name__}: {a}" for a in answers if isinstance(a, Exception)]


def filtered(ids: list[str]) -> list[dict[str, Any]]:
    """Pass a line through the filter for each id ("" for none), and return the outcomes."""
    set_up()
    module = importlib.import_module(MODULE)
    return [_filtered(module, one) for one in ids]


def _filtered(module, one: str) -> dict[str, Any]:
    import logging

    record = logging.LogRecord("sums", logging.INFO, "sums.py", 1, "a line", (), None)
    before = module.request_id.set(one or module.NONE)
    try:
        passes = bool(module.RequestIdFilter().filter(record))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        module.request_id.reset(before)
    shown = getattr(record, "request_id", None)
    found = {"passes": passes, "has_field": hasattr(record, "request_id")}
    return {**found, "shown": shown if isinstance(shown, str) else repr(shown), "error": ""}
