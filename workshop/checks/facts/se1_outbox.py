"""Stage E1: what an order writes, and what happens to the outbox when it is sent."""

import contextlib
import importlib
import os
import select
from typing import Any
from unittest import mock

from workshop.checks.facts.common import publishing, set_up

WAIT = 0.4  # seconds: one relay is at its first message, and the other does what it can


class Killed(BaseException):
    """Stands for SIGKILL: no ordinary `except` catches it."""


def _models() -> Any:
    set_up()
    found = importlib.import_module("orders.models")
    for model in (found.Parcel, found.Order, found.Message):
        model.objects.all().delete()
    return found


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
        returned = services.place("a lamp")
        found: dict[str, Any] = {"count": count(), "sent": list(sent), "inserts": 0}
        found["returned"] = isinstance(returned, models.Order)
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
        try:
            with transaction.atomic():
                services.place("a table")
                raise Killed
        except Killed:
            pass
        except RuntimeError as error:  # atomic(durable=True) takes no transaction around it
            if "durable" not in str(error):
                raise
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
        # publish, of the project, gives both: it connects and waits for less than a second
        quick = not options.get("retry") and bool(options.get("confirm_timeout"))
        found["retries"] = found["retries"] or not quick
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
    """How often each of ten messages is sent by two relays at once, and what they raised.

    They are two processes, as on two machines. The first one is slow with its first message.
    """
    from django.db import connection

    models = _models()
    for number in range(10):
        models.Message.objects.create(task="orders.tasks.pack", args=[number])
    connection.close()  # a child must not use its parent's
    (reader, writer), (others, other) = os.pipe(), os.pipe()
    children = []
    for is_slow in (True, False):
        if not (child := os.fork()):
            os.write(writer, _relay(writer, others if is_slow else None, other).encode())
            os._exit(0)
        children.append(child)
        select.select([reader], [], [], 10)  # its first message, or its error
    for child in children:
        os.waitpid(child, 0)
    os.close(writer)
    lines = os.read(reader, 65536).decode().splitlines()
    return {
        "sent": [line for line in lines if line.isdigit()],
        "errors": [line for line in lines if not line.isdigit()],
    }


def _relay(writer: int, others: int | None, other: int) -> str:
    """Send all messages in this process, and write a line for each; return an error's line.

    With `others`, the first message takes until the other relay has sent one, or WAIT seconds.
    """
    outbox = importlib.import_module("orders.outbox")
    count = 0

    def publish(body: Any, options: Any) -> None:
        nonlocal count
        count += 1
        os.write(writer, f"{[*body[0], *body[1].values()][0]}\n".encode())
        if others is None:
            os.write(other, b".")
        elif count == 1:
            select.select([others], [], [], WAIT)

    with publishing(publish):
        try:
            outbox.send_all()
        except Exception as error:
            return f"{type(error).__name__}: {error}\n"
    return ""


def row_lock() -> dict[str, bool]:
    """Whether a message is locked when it is published, as PostgreSQL would need it.

    SQLite locks the whole database, and ignores select_for_update. `nowait` ends the second relay
    with an error.
    """
    from django.db import connection
    from django.db.models import QuerySet

    models = _models()
    models.Message.objects.create(task="orders.tasks.pack", args=[1])
    outbox = importlib.import_module("orders.outbox")
    found = {"locked": False, "nowait": False}
    whole, marks = QuerySet.select_for_update, False

    def select_for_update(self: Any, *args: Any, **options: Any) -> Any:
        nonlocal marks
        if self.model is models.Message:
            marks, found["nowait"] = True, bool(args[:1] == (True,) or options.get("nowait"))
        return whole(self, *args, **options)

    def watch(execute: Any, sql: str, *more: Any) -> Any:
        nonlocal marks
        marks = marks or sql.startswith('UPDATE "orders_message"')  # which locks its rows, too
        return execute(sql, *more)

    def publish(body: Any, options: Any) -> None:
        found["locked"] = marks and connection.in_atomic_block

    with (
        publishing(publish),
        mock.patch.object(QuerySet, "select_for_update", select_for_update),
        connection.execute_wrapper(watch),
    ):
        outbox.send_all()
    return found


def packed_twice() -> dict[str, Any]:
    """What the task does with two orders, the second of which is packed twice.

    `kept` is whether the second run left the parcel alone; `hides`, whether the task succeeds
    although the database refuses the parcel.
    """
    from django.db import OperationalError, connection

    models = _models()
    pack = importlib.import_module("orders.tasks").pack

    def run(order: Any) -> str:
        try:
            pack(order.pk)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def refuse(execute: Any, sql: str, *more: Any) -> Any:
        if sql.startswith("INSERT") and "orders_parcel" in sql:
            raise OperationalError("the disk is full")
        return execute(sql, *more)

    lamp, chair, table = (
        models.Order.objects.create(what=what) for what in ("a lamp", "a chair", "a table")
    )
    found: dict[str, Any] = {"errors": [run(lamp), run(chair)]}
    before = list(models.Parcel.objects.values_list("pk", "packed"))
    found["parcels"] = sorted(models.Parcel.objects.values_list("order__what", flat=True))
    found["again"] = run(chair)
    found["kept"] = list(models.Parcel.objects.values_list("pk", "packed")) == before
    with connection.execute_wrapper(refuse):
        found["hides"] = not run(table)
    return found
