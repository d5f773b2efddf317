"""What several stages ask for."""

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock


def set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")
    django.setup()


def libraries() -> None:
    """Import what every process of the project imports; the probe looks where it came from."""
    for name in ("celery", "django", "rest_framework"):
        importlib.import_module(name)


def broker_of(app) -> dict[str, Any]:
    try:
        address = app.conf.broker_url
    except Exception as error:  # an app whose settings cannot be read
        return {"url": None, "error": f"{type(error).__name__}: {error}", "conf": False}
    return address_of(address)


def address_of(address: str) -> dict[str, Any]:
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


def migrate() -> None:
    """`python manage.py migrate`."""
    set_up()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def settings_module():
    return importlib.import_module("celery_testing.settings")


@contextlib.contextmanager
def between(model, other: Callable[[], Any], seconds: float):
    """Run `other`, as another process would, right after the first query of a table.

    It gets this many seconds: it waits longer if the learner's code has locked the table.
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


@contextlib.contextmanager
def publishing(instead: Callable[..., None]) -> Iterator[None]:
    """Call `instead(args, options)` in place of every publishing of a task."""
    messages = importlib.import_module("kombu.messaging")
    whole = messages.Producer.publish

    def publish(self: Any, body: Any, *args: Any, **options: Any) -> Any:
        if "task" in (options.get("headers") or {}):
            return instead(body, options)
        return whole(self, body, *args, **options)  # an event about a task

    with mock.patch.object(messages.Producer, "publish", publish):
        yield
