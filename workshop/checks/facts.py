"""Facts about the learner's project. Each function runs inside it, in a process of its own
(probe.py), and returns JSON."""

import importlib
import os
from typing import Any


def _django() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")
    django.setup()


def workers_module() -> dict[str, Any]:
    """testing/workers.py as stage 03 has it: its app and what sum_number is."""
    from celery import Celery, Task

    module = importlib.import_module("testing.workers")
    apps = [value for value in vars(module).values() if isinstance(value, Celery)]
    task = getattr(module, "sum_number", None)
    return {
        "apps": len(apps),
        "app_name": apps[0].main if apps else None,
        "broker": _broker(apps[0]) if apps else None,
        "tasks": sorted(n for app in apps for n in app.tasks if not n.startswith("celery.")),
        "sum_number": "missing" if task is None else "task" if isinstance(task, Task) else "plain",
    }


def _broker(app) -> dict[str, Any]:
    from kombu import Connection

    address = app.conf.broker_url
    found = Connection(address)
    return {
        "url": address,
        "user": found.userid,
        "password": found.password,
        "host": found.hostname,
        "port": found.port,
        "vhost": found.virtual_host,
        "transport": found.transport_cls,
    }


def call(x: int, y: int) -> Any:
    """sum_number(x, y), called here and now; a value that is not JSON comes as its repr."""
    module = importlib.import_module("testing.workers")
    got = module.sum_number(x, y)
    return got if isinstance(got, int | float | str | None) else repr(got)


def send(x: int, y: int, app: str = "testing.workers") -> str:
    """sum_number.delay(x, y); the task's id."""
    if app != "testing.workers":
        importlib.import_module(app)
    module = importlib.import_module("testing.workers")
    return module.sum_number.delay(x, y).id


def route(path: str) -> dict[str, Any]:
    """What Django's routing makes of a path: the view's name and its arguments."""
    _django()
    from django.urls import Resolver404, resolve

    try:
        match = resolve(path)
    except Resolver404:
        return {"found": False}
    arguments = {**dict(enumerate(match.args)), **match.kwargs}
    return {
        "found": True,
        "arguments": {str(key): type(value).__name__ for key, value in arguments.items()},
        "route": match.route,
    }


def in_django() -> dict[str, Any]:
    """What a web process of the project has: the app that its task belongs to."""
    _django()
    from django.conf import settings

    module = importlib.import_module("testing.workers")
    return {
        "broker": _broker(module.sum_number.app),
        "app_name": module.sum_number.app.main,
        "imports": getattr(settings, "CELERY_IMPORTS", None),
        "imports_kind": type(getattr(settings, "CELERY_IMPORTS", None)).__name__,
    }


def worker_conf(worker: str) -> dict[str, Any]:
    """What a running worker says of itself: `inspect conf`, `inspect registered`."""
    app = importlib.import_module("celery_testing.celery").app
    inspect = app.control.inspect([worker], timeout=5)
    conf = (inspect.conf() or {}).get(worker)
    return {"conf": conf, "registered": (inspect.registered() or {}).get(worker)}
