"""Stage 15: tasks for the workers that the check looks at."""

import importlib

from workshop.checks.facts.common import set_up


def send_receipts(url: str, count: int) -> None:
    """Tell a service about `count` sums."""
    tell = _app().tasks["receipts.tasks.tell"]
    for number in range(count):
        tell.delay(url, f"sum {number}")


def send_leaks(mib: int, count: int) -> None:
    """Send tasks, each of which keeps this much memory, in MiB."""
    app = _app()
    for _ in range(count):
        app.send_task("leak", (mib,), queue="sums")


def _app():
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    app.loader.import_default_modules()
    return app
