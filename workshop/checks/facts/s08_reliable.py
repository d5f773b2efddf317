"""Stage 08: what is confirmed, acknowledged late, run twice."""

import importlib
from collections.abc import Callable
from typing import Any

from workshop.checks.facts.common import between, set_up, settings_module


def reliable() -> dict[str, Any]:
    """What the app's configuration says about sending and receiving."""
    set_up()
    conf = importlib.import_module("celery_testing.celery").app.conf
    given = conf.broker_transport_options or {}
    options = given if isinstance(given, dict) else {}
    return {
        "no_dict": repr(given) if given != options else "",
        "transport": {str(k): repr(v) for k, v in options.items()},
        "confirms": options.get("confirm_publish"),
        "late": conf.task_acks_late,
        "reject": conf.task_reject_on_worker_lost,
        "names": sorted(n for n in vars(settings_module()) if n.startswith("CELERY")),
    }


def receipts_of_a_task_that_runs_twice(seconds: float) -> dict[str, Any]:
    """A job's receipts after two runs of its task, and another's after one run; and the result
    of two runs at the same moment. `error` is from the second run, `both_error` from the last."""
    set_up()
    task = importlib.import_module("sums.tasks").sum_number
    models = importlib.import_module("receipts.models")
    jobs = importlib.import_module("sums.models").Job.objects
    one, other, both = (str(jobs.create(x=1, y=1).pk) for _ in range(3))
    _run(task, one)
    again = _error_of(lambda: _run(task, one))
    _run(task, other)

    def at_the_same_moment() -> None:
        with between(models.Receipt, lambda: models.write_receipt(both), seconds):
            models.write_receipt(both)

    count = models.Receipt.objects.filter
    return {
        "changes": _changes_of_models("receipts"),
        "error": again,
        "one": count(job_id=one).count(),
        "other": count(job_id=other).count(),
        "both_error": _error_of(at_the_same_moment),
        "both": count(job_id=both).count(),
    }


def _run(task, job: str) -> None:
    task.apply(args=(1, 1), task_id=job, throw=True)


def _error_of(work: Callable[[], Any]) -> str:
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _changes_of_models(app: str) -> list[str]:
    """What `makemigrations` would write for an app."""
    from django.apps import apps
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.state import ProjectState

    loader = MigrationLoader(None)
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    found = detector.changes(graph=loader.graph)
    return [str(step.describe()) for one in found.get(app, []) for step in one.operations]
