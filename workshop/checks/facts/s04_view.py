"""Stage 04: the view and its routes."""

import contextlib
import importlib
import json
from typing import Any

from workshop.checks.facts.common import broker_of, set_up


def view(path: str, x: int, y: int, port: int, vhost: str) -> dict[str, Any]:
    """Call the view of the path, or sum_it if no route leads to one, with a GET request.

    Returns its answer, and what it did with the task: sent it to the broker of that port and vhost,
    sent it elsewhere (which is prevented), or ran it. `trouble` is how the view failed when called
    as the route calls it, if it does not fail when called with x and y.
    """
    set_up()
    from django.urls import resolve
    from rest_framework.test import APIRequestFactory

    try:
        match = resolve(path)
    except Exception:  # no such route, or none at all: `routes` reports that
        match = None
    module = importlib.import_module("testing.views")
    function = match.func if match else getattr(module, "sum_it", None)
    if function is None:
        return {"names": sorted(name for name in vars(module) if not name.startswith("_"))}
    errors: list[TypeError] = []
    calls = _ways_to_call(match, x, y)
    for number, (args, words) in enumerate(calls):
        with _watched_task(port, vhost) as seen:
            try:
                answer = _answered(function(APIRequestFactory().get(path), *args, **words))
            except TypeError as error:
                errors.append(error)
                if number == len(calls) - 1:
                    raise errors[-2] from None
                continue
        trouble = f"{type(errors[0]).__name__}: {errors[0]}" if match and errors else ""
        given = {**dict(zip(("x", "y"), args, strict=False)), **words}
        return {**answer, **seen, "trouble": trouble, "given": given}
    raise AssertionError


def _ways_to_call(match, x: int, y: int) -> list[tuple[tuple, dict]]:
    """Arguments for a view: the route's, those as numbers, x and y by name and by position."""
    calls = [((), {"x": x, "y": y}), ((x, y), {})]
    if match:
        given = tuple(match.args), dict(match.kwargs)
        numbers = tuple(map(_number, given[0])), {k: _number(v) for k, v in given[1].items()}
        return [given, numbers, *calls]
    return calls


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _answered(answer) -> dict[str, Any]:
    """The status and the data of what a view returns."""
    import asyncio
    import inspect

    if inspect.iscoroutine(answer):  # an async view: Django waits for it, too
        answer = asyncio.run(answer)
    if hasattr(answer, "render"):
        answer.render()  # as Django does; a Response outside @api_view cannot be rendered
    text = getattr(answer, "content", b"") or b"null"
    try:
        data = json.loads(text)
    except ValueError:  # not JSON: return the text instead
        data = text.decode(errors="replace")[:100]
    return {"status": getattr(answer, "status_code", None), "data": data}


@contextlib.contextmanager
def _watched_task(port: int, vhost: str):
    """Watch what happens to tasks: `sent`, and with which `options`; `elsewhere`; `ran` here."""
    from celery import Celery, Task
    from celery.signals import before_task_publish

    seen: dict[str, Any] = {"sent": [], "options": [], "elsewhere": None, "ran": False}

    def note(sender=None, body=None, headers=None, routing_key=None, **_) -> None:
        args, kwargs, _ = body
        named = {**dict(zip(("x", "y"), args, strict=False)), **kwargs}
        seen["sent"].append({"task": sender, **named})
        seen["options"].append({"eta": (headers or {}).get("eta"), "queue": routing_key})

    def send(app, name, *args, task_id=None, **options):
        broker = broker_of(app)
        if "error" not in broker and (broker["port"] or 5672, broker["vhost"]) != (port, vhost):
            seen["elsewhere"] = broker
            return app.AsyncResult(task_id or "elsewhere")
        return send_task(app, name, *args, task_id=task_id, **options)

    task = getattr(importlib.import_module("testing.workers"), "sum_number", None)
    task = task if isinstance(task, Task) else None
    run = task.run if task else None

    def noted(*args, **words):
        seen["ran"] = True
        return run(*args, **words)

    send_task, Celery.send_task = Celery.send_task, send
    before_task_publish.connect(note)
    if task:
        task.run = noted
    try:
        yield seen
    finally:
        Celery.send_task = send_task
        before_task_publish.disconnect(note)
        if task:
            task.run = run


def routes(paths: list[str]) -> dict[str, dict[str, str] | None]:
    """Map each path to the arguments that its view gets, and their types; None without a view."""
    set_up()
    from django.urls import Resolver404, resolve

    found: dict[str, dict[str, str] | None] = {}
    for path in paths:
        try:
            match = resolve(path)
        except Resolver404:
            found[path] = None
        else:
            arguments = {**dict(enumerate(match.args)), **match.kwargs}
            found[path] = {str(key): type(value).__name__ for key, value in arguments.items()}
    return found


def known_routes() -> list[str]:
    """The routes of the project, as they are written there."""
    set_up()
    from django.urls import get_resolver

    def below(resolver, before: str) -> list[str]:
        found: list[str] = []
        for one in resolver.url_patterns:
            text = before + str(one.pattern)
            found += below(one, text) if hasattr(one, "url_patterns") else [text]
        return found

    return below(get_resolver(), "")
