"""Stage 13: the newest canary, its age, and a dead letter that is sent back."""

import importlib
from typing import Any

from workshop.checks.facts.common import set_up


def canaries(sent: list[list]) -> dict[str, Any]:
    """Run a canary for each [queue, age in seconds], in this order; return the rows, as they are.

    A row is [queue, age].
    """
    set_up()
    from datetime import timedelta

    from django.utils import timezone

    task = importlib.import_module("canaries.tasks").canary
    model = importlib.import_module("canaries.models").Canary
    model.objects.all().delete()
    begun = timezone.now()
    for queue, age in sent:
        at = (begun - timedelta(seconds=age)).isoformat()
        where = {"routing_key": queue, "exchange": queue}
        task.push_request(called_directly=False, sent_at=at, delivery_info=where)
        try:
            task.run()
        finally:
            task.pop_request()
    rows = [[row.queue, round((begun - row.sent).total_seconds())] for row in model.objects.all()]
    model.objects.all().delete()
    return {"rows": rows}


def age_of(seconds: int) -> dict[str, Any]:
    """What canary_age returns with no row, with another queue's row, and with a row of this age."""
    set_up()
    from datetime import timedelta

    from django.utils import timezone

    canary_age = importlib.import_module("canaries.metrics").canary_age
    model = importlib.import_module("canaries.models").Canary
    model.objects.all().delete()
    sent = timezone.now() - timedelta(seconds=seconds)
    found = {"never": _shown(canary_age)}
    model.objects.create(queue="another", sent=sent)
    found["another"] = _shown(canary_age)
    model.objects.create(queue="sums", sent=sent)
    found["age"] = _shown(canary_age)
    model.objects.all().delete()
    return found


def _shown(canary_age) -> float | str:
    """What it returns: a number, or text ("inf", the error, or the repr of anything else)."""
    try:
        found = canary_age("sums")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if isinstance(found, (int, float)) and found != float("inf"):
        return found
    return str(found) if isinstance(found, (int, float)) else repr(found)


def sent_back(task_id: str) -> dict[str, Any]:
    """Send a letter back: first while the broker refuses it; then again, next to another letter;
    then once more, while the message dies again at once and is collected.
    """
    set_up()
    from django.db import connection as database

    app = importlib.import_module("celery_testing.celery").app
    with app.connection_for_write() as connection:  # no worker has declared it yet
        app.amqp.queues["sums"](connection.default_channel).declare()
    services: Any = importlib.import_module("dead_letters.services")
    model = importlib.import_module("dead_letters.models").DeadLetter
    publish, calls, gone = services.publish, [], []

    def called(one) -> None:
        calls.append(one.task_id)
        there = database.in_atomic_block or model.objects.filter(task_id=one.task_id).exists()
        gone.extend([] if there else [one.task_id])

    def refuse(one) -> None:
        called(one)
        raise ConnectionRefusedError("the broker is down")

    def note(one) -> None:
        called(one)
        publish(one)

    def dies_again(one) -> None:
        _letter(model, one.task_id)

    model.objects.all().delete()
    found: dict[str, Any] = {}
    services.publish = refuse
    found["refused"] = _error_of(services.send_back, _letter(model, task_id))
    found["asked"], found["gone"] = len(calls), len(gone)
    found["kept"] = model.objects.filter(task_id=task_id).count()
    calls.clear()
    services.publish = note
    _letter(model, "another")
    found["error"] = (
        _error_of(services.send_back, _letter(model, task_id)) if found["asked"] else ""
    )
    found["calls"] = len(calls)
    found["left"] = model.objects.filter(task_id=task_id).count()
    found["another"] = model.objects.filter(task_id="another").count()
    services.publish = dies_again
    found["failed_again"] = _error_of(services.send_back, _letter(model, "again"))
    found["again"] = model.objects.filter(task_id="again").count()
    model.objects.all().delete()
    return found


def _letter(model, name: str):
    """The row of a letter, as `collect` leaves it."""
    from django.utils import timezone

    model.objects.update_or_create(
        task_id=name,
        defaults={
            "task": "sums.tasks.sum_number",
            "queue": "sums",
            "reason": "delivery_limit",
            "died": timezone.now(),
            "headers": {"id": name, "task": "sums.tasks.sum_number", "lang": "py"},
            "body": b"[[3, 4], {}, {}]",
        },
    )
    return model.objects.get(task_id=name)


def _error_of(call, letter) -> str:
    try:
        call(letter)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def send_canary() -> None:
    """Send a canary, as beat does."""
    set_up()
    importlib.import_module("canaries.tasks").canary.delay()
