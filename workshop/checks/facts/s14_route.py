"""Stage 14: in which queue the message of a task ends up."""

import importlib

from workshop.checks.facts.common import set_up


def routed(tasks: dict[str, list]) -> dict[str, str]:
    """Send each task, given as {name: arguments}; return where its message is: {name: place}.

    A place is the name of a queue, "" (in none of the declared queues), or the error.
    """
    app = _app()
    found = dict.fromkeys(tasks, "")
    with app.connection_for_write() as connection:
        queues = [queue(connection.default_channel) for queue in app.amqp.queues.values()]
        for queue in queues:
            queue.declare()
        for name, args in tasks.items():
            try:
                app.tasks[name].apply_async(args)
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"
        for queue in queues:
            while message := queue.get(no_ack=True):
                found[message.headers["task"]] = queue.name
    return found


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
