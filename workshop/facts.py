"""Facts about the learner's project. Each function runs inside it, in a process of its own
(probe.py), and returns JSON."""

import contextlib
import importlib
import importlib.util
import json
import os
from collections.abc import Callable
from typing import Any


def _django() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")
    django.setup()


def libraries() -> None:
    """Import what every process of the project imports; the probe looks where it came from."""
    for name in ("celery", "django", "rest_framework"):
        importlib.import_module(name)


def workers_module() -> dict[str, Any]:
    """testing/workers.py as stage 03 has it: its app and what sum_number is."""
    from celery import Celery, Task
    from celery.signals import before_task_publish

    sent: list[str] = []

    def note(sender=None, **_) -> None:
        sent.append(sender)

    before_task_publish.connect(note)
    module = importlib.import_module("testing.workers")
    # by its type: isinstance would ask a task, which asks the app for its settings
    apps = [value for value in vars(module).values() if issubclass(type(value), Celery)]
    found = {
        "apps": len(apps),
        "app_name": apps[0].main if apps else None,
        "broker": _broker(apps[0]) if apps else None,
        "names": sorted(name for name in vars(module) if not name.startswith("_")),
        "tasks": [],
        "sent": sent,
        "sum_number": "task",
    }
    if found["broker"] and "conf" in found["broker"]:  # such an app has no tasks either
        return found
    task = getattr(module, "sum_number", None)
    return {
        **found,
        "tasks": sorted(n for app in apps for n in app.tasks if not n.startswith("celery.")),
        "sum_number": "missing" if task is None else "task" if isinstance(task, Task) else "plain",
    }


def _broker(app) -> dict[str, Any]:
    try:
        address = app.conf.broker_url
    except Exception as error:  # an app whose settings cannot be read
        return {"url": None, "error": f"{type(error).__name__}: {error}", "conf": False}
    return _address(address)


def _address(address: str) -> dict[str, Any]:
    from kombu import Connection

    try:
        found = Connection(address)
    except Exception as error:  # an address that kombu cannot take apart
        return {"url": address, "error": f"{type(error).__name__}: {error}"}
    return {
        "url": address,
        "user": found.userid,
        "password": found.password,
        "host": found.hostname,
        "port": found.port,
        "vhost": found.virtual_host,
        "transport": found.transport_cls,
    }


def call(x: int, y: int) -> dict[str, Any]:
    """sum_number(x, y), called here and now: its value as Python writes it, and its type."""
    module = importlib.import_module("testing.workers")
    got = module.sum_number(x, y)
    return {"value": repr(got), "type": type(got).__name__}


def effort(side: int) -> float:
    """The processor time of sum_number(side, side), in that of as many steps counted here."""
    from time import process_time

    module = importlib.import_module("testing.workers")
    module.sum_number(1, 1)  # the first call of a task sets its app up
    begun = process_time()
    module.sum_number(side, side)
    took, begun = process_time() - begun, process_time()
    num = 0
    for _ in range(side):
        for _ in range(side):
            num += 1
    return took / (process_time() - begun)


def send(x: int, y: int) -> str:
    """sum_number.delay(x, y), as a web process of the project would; the task's id."""
    if importlib.util.find_spec("celery_testing"):
        importlib.import_module("celery_testing")
    module = importlib.import_module("testing.workers")
    return module.sum_number.delay(x, y).id


def view(path: str, x: int, y: int, port: int, vhost: str) -> dict[str, Any]:
    """The view of the path, or sum_it where no route leads to one, called with a GET request.

    Its answer, and what it did with the task: sent it to the broker of that port and vhost,
    sent it elsewhere (which is prevented), or ran it. `trouble` is how the view failed when it
    was called as the route calls it, if it does not when it is called with x and y.
    """
    _django()
    from django.urls import resolve
    from rest_framework.test import APIRequestFactory

    try:
        match = resolve(path)
    except Exception:  # no such route, or none at all: that is for `routes`
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
    """Arguments for a view: the route's, the same as numbers, x and y by name and by place."""
    calls = [((), {"x": x, "y": y}), ((x, y), {})]
    if match:
        given = tuple(match.args), dict(match.kwargs)
        numbers = tuple(map(_number, given[0])), {k: _number(v) for k, v in given[1].items()}
        return [given, numbers, *calls]
    return calls


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _answered(answer) -> dict[str, Any]:
    """The status and the data of what a view gives back."""
    import asyncio
    import inspect

    if inspect.iscoroutine(answer):  # an async view: Django waits for it, too
        answer = asyncio.run(answer)
    if hasattr(answer, "render"):
        answer.render()  # as Django does: a Response outside @api_view cannot be
    text = getattr(answer, "content", b"") or b"null"
    try:
        data = json.loads(text)
    except ValueError:  # no JSON: what it says instead
        data = text.decode(errors="replace")[:100]
    return {"status": getattr(answer, "status_code", None), "data": data}


@contextlib.contextmanager
def _watched_task(port: int, vhost: str):
    """What happens to tasks: `sent`, and with which `options`; `elsewhere`; `ran` here."""
    from celery import Celery, Task
    from celery.signals import before_task_publish

    seen: dict[str, Any] = {"sent": [], "options": [], "elsewhere": None, "ran": False}

    def note(sender=None, body=None, headers=None, routing_key=None, **_) -> None:
        args, kwargs, _ = body
        named = {**dict(zip(("x", "y"), args, strict=False)), **kwargs}
        seen["sent"].append({"task": sender, **named})
        seen["options"].append({"eta": (headers or {}).get("eta"), "queue": routing_key})

    def send(app, name, *args, task_id=None, **options):
        broker = _broker(app)
        if "error" not in broker and (broker["port"] or 5672, broker["vhost"]) != (port, vhost):
            seen["elsewhere"] = broker
            return app.AsyncResult(task_id or "elsewhere")
        return send_task(app, name, *args, task_id=task_id, **options)

    task = getattr(importlib.import_module("testing.workers"), "sum_number", None)
    run = task.run if isinstance(task, Task) else None

    def noted(*args, **words):
        seen["ran"] = True
        return run(*args, **words)

    send_task, Celery.send_task = Celery.send_task, send
    before_task_publish.connect(note)
    if run:
        task.run = noted
    try:
        yield seen
    finally:
        Celery.send_task = send_task
        before_task_publish.disconnect(note)
        if run:
            task.run = run


def routes(paths: list[str]) -> dict[str, dict[str, str] | None]:
    """Each path with the arguments and their types that its view gets; None without a view."""
    _django()
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
    """The routes of the project, as it writes them."""
    _django()
    from django.urls import get_resolver

    def below(resolver, before: str) -> list[str]:
        found: list[str] = []
        for one in resolver.url_patterns:
            text = before + str(one.pattern)
            found += below(one, text) if hasattr(one, "url_patterns") else [text]
        return found

    return below(get_resolver(), "")


def setting_of_broker(environ: dict[str, str] | None = None) -> dict[str, Any] | None:
    """CELERY_BROKER_URL of Django's settings, taken apart; None where it is not set."""
    os.environ.update(environ or {})
    address = getattr(_settings(), "CELERY_BROKER_URL", None)
    return None if address is None else _address(address)


def names_of_settings() -> list[str]:
    """What settings.py has whose name speaks of Celery or of a broker."""
    module = importlib.import_module("celery_testing.settings")
    return sorted(n for n in vars(module) if "CELERY" in n.upper() or "BROKER" in n.upper())


def setting_of_imports() -> list[str] | str | None:
    """CELERY_IMPORTS of Django's settings, what is no text as its repr; None if it is not set."""
    found = getattr(_settings(), "CELERY_IMPORTS", None)
    if found is None or isinstance(found, str):
        return found
    return [one if isinstance(one, str) else f"<{type(one).__name__}>" for one in found]


def _settings():
    from django.conf import settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")
    return settings


def env_file() -> dict[str, Any]:
    """What settings.py has made of .env: its names, and whether BROKER_URL is set by now."""
    from dotenv import dotenv_values

    importlib.import_module("celery_testing.settings")
    try:
        names = list(dotenv_values(".env")) if os.path.isfile(".env") else None
    except UnicodeDecodeError:
        names = ["(it is not saved as UTF-8)"]
    return {"names": names, "loaded": "BROKER_URL" in os.environ}


def _app_of_project():
    """The app that `celery -A celery_testing` finds, whatever its name."""
    from celery.app.utils import find_app

    return find_app("celery_testing")


def app_of_project() -> dict[str, Any]:
    """The address that the project's app goes to."""
    return _broker(_app_of_project())


def in_django() -> dict[str, Any]:
    """What a web process of the project has: the app that its task belongs to."""
    _django()
    app = importlib.import_module("testing.workers").sum_number.app
    eager = bool(app.conf.task_always_eager)
    return {"broker": _broker(app), "app_name": app.main, "eager": eager}


def worker_conf(worker: str, seconds: float) -> dict[str, Any]:
    """What a running worker says of itself, in so many seconds: conf, stats, registered."""
    app = _app_of_project()
    inspect = app.control.inspect([worker], timeout=seconds, limit=1)
    return {
        "conf": (inspect.conf() or {}).get(worker),
        "broker": ((inspect.stats() or {}).get(worker) or {}).get("broker"),
        "registered": (inspect.registered() or {}).get(worker),
    }


def migrate() -> None:
    """`python manage.py migrate`."""
    _django()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def results() -> dict[str, Any]:
    """Where the app keeps results, and what of Celery's settings in Django's speaks of them."""
    _django()
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
    """A job made and sent as the API does: its id, and the messages that were published.

    A sending that waits for the result is ended, since no worker runs here.
    """
    _django()
    from celery import current_app
    from celery.result import AsyncResult
    from celery.signals import before_task_publish

    models = importlib.import_module("sums.models")
    sent: list[dict[str, Any]] = []
    asked: list[str] = []

    def note(sender=None, headers=None, body=None, routing_key="", **_) -> None:
        args, kwargs, _ = body
        named = {**dict(zip(("x", "y"), args, strict=False)), **kwargs}
        known = False
        with contextlib.suppress(Exception):  # an id that is none is no job's
            known = models.Job.objects.filter(pk=headers["id"]).exists()
        about = {name: headers.get(name) for name in ("id", "eta", "ignore_result")}
        sent.append({"task": sender, **about, "known": known, "routing_key": routing_key, **named})

    def waits(*_, **__):
        asked.append("get")
        raise TimeoutError("the sending waits for the result")

    def look(self, meta=AsyncResult._get_task_meta):
        asked.append("state")
        return waits() if len(asked) > 5 else meta(self)

    before_task_publish.connect(note)
    AsyncResult.get = AsyncResult.wait = waits
    AsyncResult._get_task_meta = look
    job = importlib.import_module("sums.submitting").submit(x, y)
    conf = current_app.conf
    return {
        "id": str(job.pk),
        "sent": sent,
        "waited": "get" in asked,
        "default": conf.task_default_routing_key or conf.task_default_queue,
    }


def progress(x: int, y: int) -> dict[str, Any]:
    """What sum_number tells of itself with update_state, run here as a worker runs it."""
    _django()
    import uuid

    from celery.app.task import Task

    task = importlib.import_module("testing.workers").sum_number
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


def reliable() -> dict[str, Any]:
    """What the app's configuration says of sending and taking."""
    _django()
    conf = importlib.import_module("celery_testing.celery").app.conf
    return {
        "transport": {str(k): repr(v) for k, v in (conf.broker_transport_options or {}).items()},
        "confirms": (conf.broker_transport_options or {}).get("confirm_publish"),
        "late": conf.task_acks_late,
        "reject": conf.task_reject_on_worker_lost,
        "names": sorted(n for n in vars(_settings_module()) if n.startswith("CELERY")),
    }


def _settings_module():
    return importlib.import_module("celery_testing.settings")


def receipts_of_a_task_that_runs_twice(seconds: float) -> dict[str, Any]:
    """Its receipts, after two runs of one task, and after a run of another; and what becomes
    of two runs at the same moment."""
    _django()
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
        with _between(models.Receipt, lambda: models.write_receipt(both), seconds):
            models.write_receipt(both)
    except Exception as error:
        found["error"] = f"{type(error).__name__}: {error}"
    return {**found, "both": count(job_id=both).count()}


@contextlib.contextmanager
def _between(model, other: Callable[[], Any], seconds: float):
    """Let `other` run, as another process would, right after the first look into a table.

    It has so many seconds: it waits longer where the learner's code has locked the table.
    """
    from threading import Thread

    from django.db import connection

    def run() -> None:
        try:
            other()
        finally:
            connection.close()  # a thread has its own

    thread = Thread(target=run)

    def watch(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        looks = sql.startswith("SELECT") and f'"{model._meta.db_table}"' in sql
        if looks and thread.ident is None:
            thread.start()
            thread.join(seconds)
        return result

    with connection.execute_wrapper(watch):
        yield
    if thread.ident is not None:
        thread.join()


MANY = 8  # retries, after which it is known that there is no end, or one too far


def retries_of_tell(url: str, runs: int) -> dict[str, Any]:
    """tell() against a service that always fails: its waits in seconds, for each of some runs."""
    _django()
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
    _django()
    app = importlib.import_module("celery_testing.celery").app
    return {name: queue.queue_arguments or {} for name, queue in app.amqp.queues.items()}


def send_poison(path: str, address: str, count: int) -> None:
    """So many of the task of workshop/tasks.py, through the project's own app and queue."""
    os.environ["BROKER_URL"] = address
    _django()
    app = importlib.import_module("celery_testing.celery").app
    for _ in range(count):
        app.send_task("poison", [path])


def cuts(rows: list[int]) -> dict[str, Any]:
    """The ranges that cut() makes of each number of rows, as text where they are no pairs."""
    _django()
    cut = importlib.import_module("testing.workflow").cut
    found: dict[str, Any] = {}
    for x in rows:
        ranges = cut(x)
        ranges = ranges if ranges is None or isinstance(ranges, str | int) else list(ranges)
        try:
            found[str(x)] = [[int(first), int(last)] for first, last in ranges]
        except (TypeError, ValueError):
            found[str(x)] = repr(ranges)[:100]
    return found


def chord_of(x: int, y: int) -> dict[str, Any]:
    """What the task of a job publishes in its own place, caught before it is sent."""
    _django()
    job, ended, caught, sent = _split(x, y, send=False)
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
                "on_error": [
                    {"task": call["task"], "immutable": bool(call.get("immutable"))}
                    if isinstance(call, dict)
                    else {"task": repr(call), "immutable": None}  # no signature
                    for call in body.options.get("link_error") or []
                ],
            }
            for header, body, task_id in caught
        ],
        "sent": sent,
    }


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
    """A job whose first part is bound to fail, published by the learner's own task; the ids."""
    _django()
    from django.utils import timezone

    def spoil(header) -> None:
        part = header.tasks[0]
        if "y" in part.kwargs:
            part.kwargs = {**part.kwargs, "y": "no number"}
        else:
            part.args = (*part.args[:3], "no number")

    job, _, caught, _ = _split(x, y, send=True, spoil=spoil)
    job.sent = timezone.now()  # so that the API knows of it
    job.save(update_fields=["sent"])
    return {"id": str(job.pk), "parts": [part.id for header, *_ in caught for part in header.tasks]}


def _split(x: int, y: int, send: bool, spoil=lambda header: None):
    """sum_in_parts run here as a worker runs it, with an eye on the chords it starts.

    The job, what the task ended with, the chords as (header, body, task_id), other messages.
    """
    from celery.canvas import _chord
    from celery.exceptions import Ignore
    from celery.result import denied_join_result
    from celery.signals import before_task_publish

    models = importlib.import_module("sums.models")
    task = importlib.import_module("testing.workflow").sum_in_parts
    job = models.Job.objects.create(x=x, y=y)
    caught, sent, run = [], [], _chord.run

    def watched(self, header, body, *args, task_id=None, **options):
        spoil(header)
        # what is named for the chord as a whole is its body's: Celery itself adds it in run()
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
        id=job.task_id, root_id=job.task_id, is_eager=False, called_directly=False, args=(x, y)
    )
    try:
        with denied_join_result():  # as in a worker
            ended = f"returned {task.run(x, y)!r}"
    except Ignore:
        ended = "replaced"
    finally:
        task.pop_request()
        _chord.run = run
    return job, ended, caught, sent


def schedule() -> dict[str, Any]:
    """The app's timetable, and when each crontab in it would send. Nothing waits for it."""
    _django()
    app = importlib.import_module("celery_testing.celery").app
    app.loader.import_default_modules()
    found: dict[str, Any] = {
        "zone": str(app.conf.timezone),
        "error": "",
        "tasks": sorted(name for name in app.tasks if not name.startswith("celery.")),
        "names": sorted(
            n for n in vars(_settings_module()) if "BEAT" in n or "SCHED" in n or "ZONE" in n
        ),
    }
    found["scheduler"], found["ours"] = _scheduler(app)
    try:
        found["zone"] = str(app.timezone)
    except Exception as error:  # no such zone
        found["error"] = f"{type(error).__name__}: {error}"
        app.conf.timezone = "UTC"
    entries = app.conf.beat_schedule
    if not isinstance(entries, dict) or not all(isinstance(e, dict) for e in entries.values()):
        return {**found, "entries": repr(entries)}
    return {**found, "entries": {name: _times(app, entry) for name, entry in entries.items()}}


def _scheduler(app) -> tuple[str, bool]:
    """The name of beat's scheduler, and whether it is the project's."""
    from celery.utils.imports import load_extension_class_names, symbol_by_name

    name = app.conf.beat_scheduler
    names = dict(load_extension_class_names("celery.beat_schedulers"))
    try:
        found = symbol_by_name(name, aliases=names)
    except Exception:  # beat itself will report it
        return str(name), False
    return str(name), issubclass(found, importlib.import_module("celery_testing.beat").Scheduler)


def _times(app, entry: dict) -> dict[str, Any]:
    """How often a crontab sends in 24 hours of June, and how long it pauses in a year."""
    import itertools
    from datetime import UTC, datetime, timedelta

    from celery.schedules import crontab

    plan, task = entry.get("schedule"), entry.get("task")
    found = {"task": task if isinstance(task, str) else repr(task), "keys": sorted(entry)}
    found["schedule"], found["kind"] = str(plan), type(plan).__name__
    found["refused"], found["elsewhere"] = _refused(app, entry), _elsewhere(app, entry)
    if isinstance(plan, type):
        found["kind"] = "class"
    if not isinstance(plan, crontab):
        return {**found, "day": None, "some": []}
    whole = {"day_of_week": 7, "day_of_month": 31, "month_of_year": 12}
    some = [name for name, count in whole.items() if len(getattr(plan, name)) < count]
    found["some"] = [f"{name}={getattr(plan, '_orig_' + name)}" for name in some]
    if some:
        return {**found, "day": 0}
    plan.app = app
    june = _sent(plan, datetime(2026, 6, 1, tzinfo=UTC))
    pauses = []
    for n in range(365):
        begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n)
        local = [(begin + timedelta(days=d)).astimezone(app.timezone) for d in (0, 1)]
        if local[0].utcoffset() != local[1].utcoffset():  # the clocks are changed
            sent = _sent(plan, begin)
            gaps = [(b - a, a.astimezone(app.timezone)) for a, b in itertools.pairwise(sent)]
            longest, since = max(gaps, default=(None, local[0]))
            pauses.append([f"{since:%d %B}", len(sent), str(longest)])
    minutes = sorted({one.astimezone(app.timezone).minute for one in june})
    return {**found, "day": len(june), "minutes": minutes, "pauses": pauses}


def _refused(app, entry: dict) -> str:
    """Why the task cannot be called with the arguments of an entry, or ""."""
    task, args, kwargs = (entry.get(name) for name in ("task", "args", "kwargs"))
    try:
        if task in app.tasks:
            app.tasks[task].__header__(*(args or ()), **(kwargs or {}))
    except TypeError as error:
        return str(error)
    return ""


def _elsewhere(app, entry: dict) -> str:
    """The queue that an entry names, if no worker of the project takes from it; or ""."""
    options = entry.get("options")
    queue = options.get("queue") if isinstance(options, dict) else None
    return str(queue) if queue and queue not in (app.amqp.queues or {}) else ""


def _sent(plan, begin) -> list:
    """The instants at which beat would send in the 24 hours from `begin`."""
    from datetime import timedelta

    clock, last, sent = begin, begin - timedelta(seconds=1), []
    plan.nowfun = lambda: clock
    while clock < begin + timedelta(days=1):
        due, wait = plan.is_due(last)
        if due:
            sent.append(clock)
            last = clock
        clock += timedelta(seconds=wait)
    return sent


def reports(dues: list[str], seconds: float) -> dict[str, Any]:
    """The slots that are there after a run of report for each header, "" for none; errors.

    And what becomes of two runs for one hour at the same moment.
    """
    _django()
    import uuid
    import warnings
    from datetime import UTC

    task = importlib.import_module("testing.reporting").report
    model = importlib.import_module("reports.models").Report
    receipt = importlib.import_module("receipts.models").Receipt

    def run(due: str) -> None:
        task.push_request(called_directly=False, **({"due": due} if due else {}))
        try:
            task.run()
        finally:
            task.pop_request()

    errors: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        for number, due in enumerate(dues):
            job = uuid.uuid4()  # in the meantime another sum was done
            receipt.objects.create(key=job, job_id=job)
            warned.clear()  # those of the last one count, which is sent by hand
            warnings.simplefilter("always")
            try:
                run(due)
            except Exception as error:
                if not number:
                    raise
                errors.append(f"{type(error).__name__}: {error}")
            else:
                errors.append("")
    naive = any("naive datetime" in str(one.message) for one in warned)
    slots = [row.slot.astimezone(UTC).isoformat() for row in model.objects.all()]
    model.objects.all().delete()
    together = ""
    try:
        with _between(model, lambda: run(dues[0]), seconds):
            run(dues[0])
    except Exception as error:
        together = f"{type(error).__name__}: {error}"
    model.objects.all().delete()
    return {"slots": slots, "errors": errors, "naive": naive, "together": together}
