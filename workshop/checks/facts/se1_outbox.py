"""Stage E1: what an order writes, and what happens to the outbox when it is sent."""

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any
from unittest import mock

from workshop.checks.facts.common import set_up

WAIT = 0.4  # seconds: one relay is at its first message, and the other does what it can


class Killed(BaseException):
    """What no code catches, as it would catch no SIGKILL."""


def _models() -> Any:
    set_up()
    found = importlib.import_module("orders.models")
    for model in (found.Parcel, found.Order, found.Message):
        model.objects.all().delete()
    return found


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


def placed() -> dict[str, Any]:
    """What `place` writes and sends; and what is left if a transaction does not end well.

    `failed` are the orders and messages that are left if the second insert fails, `undone` those
    that are left if the caller's own transaction is rolled back.
    """
    from django.db import connection, transaction

    models = _models()
    services = importlib.import_module("orders.services")
    sent: list[str] = []

    def count() -> list[int]:
        return [models.Order.objects.count(), models.Message.objects.count()]

    with publishing(lambda body, options: sent.append(options["headers"]["task"])):
        services.place("a lamp")
        found: dict[str, Any] = {"count": count(), "sent": list(sent), "inserts": 0}
        message = models.Message.objects.first()
        order = models.Order.objects.first()
        if message and order:
            found["message"] = {"task": message.task, "args": message.args, "order": order.pk}
            found["message"]["marked"] = message.sent is not None

        def break_second(execute: Any, sql: str, *more: Any) -> Any:
            found["inserts"] += sql.startswith("INSERT")
            if found["inserts"] == 2:
                raise OSError("the disk is full")
            return execute(sql, *more)

        models = _models()
        with contextlib.suppress(OSError), connection.execute_wrapper(break_second):
            services.place("a chair")
        found["failed"] = count()
        models = _models()
        with contextlib.suppress(Killed), transaction.atomic():
            services.place("a table")
            raise Killed
        found["undone"] = count()
    return found


def relayed(accepted: int) -> dict[str, Any]:
    """What the relay sends of five messages if the broker accepts only so many at first.

    `first` and `second` are two calls of `send_all`: the arguments and ids that were sent, the
    number of messages that are marked, and what it returned or raised.
    """
    from kombu.exceptions import OperationalError

    models = _models()
    outbox = importlib.import_module("orders.outbox")
    keys = [
        str(models.Message.objects.create(task="orders.tasks.pack", args=[number]).key)
        for number in range(5)
    ]
    sent: list[tuple[int, str, str]] = []
    found: dict[str, Any] = {"keys": keys, "retries": False}
    left = accepted

    def publish(body: Any, options: Any) -> None:
        nonlocal left
        if not left:
            raise OperationalError("refused") from TimeoutError()
        left -= 1
        found["retries"] = found["retries"] or bool(options.get("retry"))
        of_task, by_name, _ = body
        headers = options["headers"]
        sent.append(([*of_task, *by_name.values(), None][0], headers["id"], headers["task"]))

    with publishing(publish):
        for name in ("first", "second"):
            sent.clear()
            try:
                said = repr(outbox.send_all())
            except OperationalError:
                said = "UNSENT"
            found[name] = {
                "said": said,
                "args": [one[0] for one in sent],
                "keys": [one[1] for one in sent],
                "tasks": sorted({one[2] for one in sent}),
                "marked": models.Message.objects.exclude(sent=None).count(),
            }
            left = 99
    return found


def relay_killed() -> dict[str, int]:
    """How many of three messages are marked if the relay is killed before and after one is sent."""
    from django.db import connection

    models = _models()
    outbox = importlib.import_module("orders.outbox")
    found = {}
    for name, at in (("before", 0), ("after", 1)):
        models.Message.objects.all().delete()
        for number in range(3):
            models.Message.objects.create(task="orders.tasks.pack", args=[number])
        count = 0

        def publish(body: Any, options: Any) -> None:
            nonlocal count
            count += 1
            if count > at:  # noqa: B023
                raise Killed

        with publishing(publish), contextlib.suppress(Killed):
            outbox.send_all()
        connection.close()
        found[name] = models.Message.objects.exclude(sent=None).count()
    return found


def two_relays() -> dict[str, Any]:
    """How often each of ten messages is sent by two relays at once, and what they raised."""
    from django.db import connection

    models = _models()
    outbox = importlib.import_module("orders.outbox")
    for number in range(10):
        models.Message.objects.create(task="orders.tasks.pack", args=[number])
    sent: list[int] = []
    errors: list[str] = []
    first = Event()

    def publish(body: Any, options: Any) -> None:
        if not first.is_set():
            first.set()
            time.sleep(WAIT)
        sent.append([*body[0], *body[1].values()][0])

    def relay() -> None:
        try:
            outbox.send_all()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()  # a thread has its own

    with publishing(publish):
        one = Thread(target=relay)
        one.start()
        first.wait(10)
        two = Thread(target=relay)
        two.start()
        one.join()
        two.join()
    return {"sent": sent, "errors": errors}


def packed_twice() -> dict[str, Any]:
    """What the task does with two orders, the second of which is packed twice."""
    models = _models()
    pack = importlib.import_module("orders.tasks").pack
    orders = [models.Order.objects.create(what=what) for what in ("a lamp", "a chair")]
    found: dict[str, Any] = {"errors": []}
    for order in (*orders, orders[1]):
        try:
            pack(order.pk)
            found["errors"].append("")
        except Exception as error:
            found["errors"].append(f"{type(error).__name__}: {error}")
    found["parcels"] = sorted(models.Parcel.objects.values_list("order__what", flat=True))
    return found
