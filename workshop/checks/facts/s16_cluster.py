"""Stage 16: the addresses that senders and workers use."""

import importlib
import os
from typing import Any

from workshop.checks.facts.common import set_up


def addresses(urls: str) -> dict[str, Any]:
    """The addresses of senders (`write`) and workers (`read`) when BROKER_URLS is `urls`.

    Each is a list. If `urls` is empty, the variable is not set.
    """
    os.environ.pop("BROKER_URLS", None)
    if urls:
        os.environ["BROKER_URLS"] = urls
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    return {"write": _of(app.connection_for_write()), "read": _of(app.connection_for_read())}


def _of(connection) -> list[str]:
    """All addresses that a connection tries."""
    return [str(one) for one in connection.alt] or [connection.as_uri(include_password=True)]


def send_sums(count: int) -> None:
    """Send this many sums, the way the project does."""
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    app.loader.import_default_modules()
    for _ in range(count):
        app.tasks["sums.tasks.sum_number"].delay(3, 4)
