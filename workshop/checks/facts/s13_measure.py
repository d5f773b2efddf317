"""Stage 13: the newest canary, its age, and a dead letter that is sent back."""

import importlib
from typing import Any

from workshop.checks.facts.common import set_up


def canaries(ages: list[int]) -> dict[str, Any]:
    """Run a canary for each age in seconds, in this order; return the rows, as ages."""
    set_up()
    from datetime import timedelta

    from django.utils import timezone

    task = importlib.import_module("canaries.tasks").canary
    model = importlib.import_module("canaries.models").Canary
    model.objects.all().delete()
    begun = timezone.now()
    for age in ages:
        sent = (begun - timedelta(seconds=age)).isoformat()
        where = {"routing_key": "sums", "exchange": "sums"}
        task.push_request(called_directly=False, sent_at=sent, delivery_info=where)
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
    """Send a letter back, first while the broker refuses it, then while it accepts it."""
    set_up()
    from django.utils import timezone

    app = importlib.import_module("celery_testing.celery").app
    with app.connection_for_write() as connection:  # no worker has declared it yet
        app.amqp.queues["sums"](connection.default_channel).declare()
    services: Any = importlib.import_module("dead_letters.services")
    model = importlib.import_module("dead_letters.models").DeadLetter
    model.objects.all().delete()
    letter = model.objects.create(
        task_id=task_id,
        task="sums.tasks.sum_number",
        queue="sums",
        reason="delivery_limit",
        died=timezone.now(),
        headers={"id": task_id, "task": "sums.tasks.sum_number", "lang": "py"},
        body="[[3, 4], {}, {}]",
    )
    publish, calls = services.publish, []

    def refuse(letter) -> None:
        raise ConnectionRefusedError("the broker is down")

    def note(letter) -> None:
        calls.append(letter.task_id)
        publish(letter)

    services.publish = refuse
    error = _error_of(services.send_back, letter)
    kept = model.objects.filter(task_id=task_id).count()
    services.publish = note
    later = ""
    if kept:
        later = _error_of(services.send_back, model.objects.get(task_id=task_id))
    left = model.objects.count()
    model.objects.all().delete()
    return {"refused": error, "kept": kept, "error": later, "calls": len(calls), "left": left}


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
