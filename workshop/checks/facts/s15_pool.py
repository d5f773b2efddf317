"""Stage 15: tasks for the workers that the check looks at."""

import importlib

from workshop.checks.facts.common import set_up


def send_receipts(url: str, count: int) -> None:
    """Send `count` receipts to a service."""
    tell = _app().tasks["receipts.tasks.tell"]
    for number in range(count):
        tell.delay(url, f"sum {number}")


def memory_limit() -> int | str | None:
    """The setting worker_max_memory_per_child, as Celery has it."""
    return _app().conf.worker_max_memory_per_child


def send_leaks(mib: int, count: int) -> None:
    """Send `count` tasks that each keep this much memory, in MiB."""
    app = _app()
    for _ in range(count):
        app.send_task("leak", (mib,), queue="sums")


def _app():
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    app.loader.import_default_modules()
    return app
