"""Stage 03: the app and its task."""

import importlib
import importlib.util
from typing import Any

from workshop.checks.facts.common import broker_of


def workers_module() -> dict[str, Any]:
    """testing/workers.py as stage 03 has it: its app and what sum_number is."""
    from celery import Celery, Task
    from celery.signals import before_task_publish

    sent: list[str] = []

    def note(sender=None, **_) -> None:
        sent.append(sender)

    before_task_publish.connect(note)
    module = importlib.import_module("testing.workers")
    # by its type: isinstance would query a task, which asks the app for its settings
    apps = [value for value in vars(module).values() if issubclass(type(value), Celery)]
    found: dict[str, Any] = {
        "apps": len(apps),
        "app_name": apps[0].main if apps else None,
        "broker": broker_of(apps[0]) if apps else None,
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


def call(x: int, y: int) -> dict[str, Any]:
    """Call sum_number(x, y) here: return its value's repr, and its type."""
    module = importlib.import_module("testing.workers")
    got = module.sum_number(x, y)
    return {"value": repr(got), "type": type(got).__name__}


def effort(side: int) -> float:
    """The processor time of sum_number(side, side), relative to as many steps counted here."""
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
