"""Stage 11: what is due, and when."""

import importlib
from typing import Any

from workshop.checks.facts.common import between, set_up, settings_module


def schedule() -> dict[str, Any]:
    """The app's schedule, and when each crontab in it would send, without waiting for it."""
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    app.loader.import_default_modules()
    found: dict[str, Any] = {
        "zone": str(app.conf.timezone),
        "error": "",
        "tasks": sorted(name for name in app.tasks if not name.startswith("celery.")),
        "names": sorted(
            n for n in vars(settings_module()) if "BEAT" in n or "SCHED" in n or "ZONE" in n
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
    models = importlib.import_module("django_celery_beat.models")
    known = {field.name for field in models.PeriodicTask._meta.get_fields()}
    known |= {"schedule", "options", "relative"}
    found["unknown"] = sorted(set(map(str, entry)) - known)
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
    """Run report with each header ("" for none): return the slots that exist then, and the errors.

    Also returns what happens when two runs write the same hour at the same moment.
    """
    set_up()
    import warnings
    from datetime import UTC

    task = importlib.import_module("reports.tasks").report
    model = importlib.import_module("reports.models").Report
    receipt = importlib.import_module("receipts.models").Receipt
    job = importlib.import_module("sums.models").Job

    errors: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        for number, due in enumerate(dues):
            receipt.objects.create(job=job.objects.create(x=1, y=1))  # another sum is done
            warned.clear()  # only the last run's warnings count: it is sent by hand
            warnings.simplefilter("always")
            try:
                _run(task, due)
            except Exception as error:
                if not number:
                    raise
                errors.append(f"{type(error).__name__}: {error}")
            else:
                errors.append("")
    naive = any("naive datetime" in str(one.message) for one in warned)
    slots = [row.slot.astimezone(UTC).isoformat() for row in model.objects.all()]
    model.objects.all().delete()
    together = _together(task, model, dues[0], seconds)
    return {"slots": slots, "errors": errors, "naive": naive, "together": together}


def _run(task, due: str) -> None:
    """Run the task as a worker runs it with this header."""
    task.push_request(called_directly=False, **({"due": due} if due else {}))
    try:
        task.run()
    finally:
        task.pop_request()


def _together(task, model, due: str, seconds: float) -> str:
    """What goes wrong when two processes run the task for one hour at the same moment, or ""."""
    try:
        with between(model, lambda: _run(task, due), seconds):
            _run(task, due)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        model.objects.all().delete()
    return ""
