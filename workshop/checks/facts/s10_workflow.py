"""Stage 10: how the work is cut, and put together."""

import importlib
from typing import Any

from workshop.checks.facts.common import set_up


def cuts(rows: list[int]) -> dict[str, Any]:
    """The ranges that cut() makes of each number of rows, as text if they are not pairs."""
    set_up()
    cut = importlib.import_module("sums.counting").cut
    found: dict[str, Any] = {}
    for x in rows:
        ranges: Any = cut(x)
        ranges = ranges if ranges is None or isinstance(ranges, str | int) else list(ranges)
        try:
            found[str(x)] = [[int(first), int(last)] for first, last in ranges]
        except (TypeError, ValueError):
            shown = repr(ranges)
            found[str(x)] = shown if len(shown) < 100 else f"{shown[:100]} …"
    return found


def chord_of(x: int, y: int) -> dict[str, Any]:
    """What a job's task replaces itself with, caught before it is sent."""
    set_up()
    job, ended, caught, sent = split(x, y, send=False)
    return {
        "id": str(job.pk),
        "ended": ended,
        "chords": [
            {
                "parts": [_part(part) for part in header.tasks],
                "given": [repr(one) for one in body.args],
                "body": body.task,
                "body_id": body.id or task_id,
                "immutable": bool(body.immutable),
                "on_error": [_callback(call) for call in body.options.get("link_error") or []],
            }
            for header, body, task_id in caught
        ],
        "sent": sent,
    }


def _callback(call) -> dict[str, Any]:
    """What is called on an error; `immutable` is None where that is no signature."""
    if not isinstance(call, dict):
        return {"task": repr(call), "immutable": None, "given": []}
    given = [repr(one) for one in (*call["args"], *call["kwargs"].values())]
    return {"task": call["task"], "immutable": bool(call.get("immutable")), "given": given}


def _part(part) -> dict[str, Any]:
    """A signature's task with its arguments in the order of the task's own names."""
    import inspect

    from celery import current_app

    found = {"task": part.task, "args": list(part.args), "refused": ""}
    task = current_app.tasks.get(part.task)
    try:
        if task:
            bound = inspect.signature(task.run).bind(*part.args, **part.kwargs)
            found["args"] = list(bound.arguments.values())
    except TypeError as error:
        found["refused"] = str(error)
    return found


def send_a_bad_part(x: int, y: int) -> dict[str, Any]:
    """Publish a job whose first part must fail, through the learner's own task; return the ids."""
    set_up()
    from django.utils import timezone

    def spoil(header) -> None:
        part = header.tasks[0]
        if "y" in part.kwargs:
            part.kwargs = {**part.kwargs, "y": "no number"}
        else:
            part.args = (*part.args[:3], "no number")

    job, _, caught, _ = split(x, y, send=True, spoil=spoil)
    job.sent = timezone.now()  # so that the API knows of it
    job.save(update_fields=["sent"])
    return {"id": str(job.pk), "parts": [part.id for header, *_ in caught for part in header.tasks]}


def split(x: int, y: int, send: bool, spoil=lambda header: None, **more):
    """Run sum_in_parts here as a worker runs it, and watch the chords that it starts.

    `more` are arguments that are passed by name.

    Returns the job, how the task ended, the chords as (header, body, task_id), other messages.
    """
    from celery.canvas import _chord
    from celery.exceptions import Ignore
    from celery.result import denied_join_result
    from celery.signals import before_task_publish

    models = importlib.import_module("sums.models")
    task = importlib.import_module("sums.tasks").sum_in_parts
    job = models.Job.objects.create(x=x, y=y)
    caught, sent, run = [], [], _chord.run

    def watched(self, header, body, *args, task_id=None, **options):
        spoil(header)
        # an errback set on the whole chord belongs to its body: Celery itself adds it in run()
        errors = self.options.get("link_error") or options.get("link_error") or []
        for call in errors if isinstance(errors, list | tuple) else [errors]:
            if not send:
                body.append_to_list_option("link_error", call)
        caught.append((header, body, task_id))
        if send:
            return run(self, header, body, *args, task_id=task_id, **options)
        return task.AsyncResult(task_id or str(job.pk))

    def note(sender=None, **_) -> None:
        sent.append(sender)

    _chord.run = watched
    before_task_publish.connect(note)
    task.push_request(
        id=job.task_id,
        root_id=job.task_id,
        is_eager=False,
        called_directly=False,
        args=(x, y),
        kwargs=more,
    )
    try:
        with denied_join_result():  # as in a worker
            ended = f"returned {task.run(x, y, **more)!r}"
    except Ignore:
        ended = "replaced"
    finally:
        task.pop_request()
        _chord.run = run
    return job, ended, caught, sent
