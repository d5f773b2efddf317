"""Stage 14: which queue the message of a task ends up in."""

import fnmatch
import importlib
import re
from typing import Any

from workshop.checks.facts.common import set_up


def routed(tasks: dict[str, list]) -> dict[str, Any]:
    """Send each task, given as {name: arguments}, and find out where its message is.

    `queues` is {name: queue}, without tasks whose message is in none of the declared queues;
    `errors` is {name: error}; `keys` are the keys of task_routes that match no task; `empty` is
    True if there are no routes at all.
    """
    app = _app()
    queues, errors = {}, {}
    with app.connection_for_write() as connection:
        declared = [queue(connection.default_channel) for queue in app.amqp.queues.values()]
        for queue in declared:
            queue.declare()
        for name, args in tasks.items():
            try:
                app.tasks[name].apply_async(args)
            except Exception as error:
                errors[name] = f"{type(error).__name__}: {error}"
        for queue in declared:
            while message := queue.get(no_ack=True):
                queues[message.headers["task"]] = queue.name
    routes = app.conf.task_routes
    keys = [key for key in routes if isinstance(key, str)] if isinstance(routes, dict) else []
    unused = [key for key in keys if not any(_matches(key, name) for name in app.tasks)]
    return {"queues": queues, "errors": errors, "keys": unused, "empty": not routes}


def _matches(key: str, name: str) -> bool:
    """Compare them as Celery's MapRoute does."""
    return bool(re.fullmatch(fnmatch.translate(key), name))


def send_both() -> None:
    """Send a sum and a report, as the project does."""
    app = _app()
    app.tasks["sums.tasks.sum_number"].delay(3, 4)
    app.tasks["reports.tasks.report"].delay()


def _app():
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    app.loader.import_default_modules()
    return app
