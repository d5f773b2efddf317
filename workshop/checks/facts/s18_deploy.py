"""Stage 18: what a worker does with old and new messages, what is sent, what supervisor runs."""

import importlib
import io
import json
import re
import traceback
from typing import Any

from workshop.checks.facts.common import set_up
from workshop.checks.facts.s10_workflow import split


def parts_of_message(x: int, y: int, kwargs: dict[str, Any]) -> dict[str, Any]:
    """How many parts a worker makes of the message ([x, y], kwargs), and which rows they have.

    `refused` is the error if the task does not accept these arguments.
    """
    set_up()
    try:
        job, ended, caught, _ = split(x, y, False, **kwargs)
    except TypeError as error:
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        if any(file.endswith("sums/tasks.py") for file in files):  # an error inside the task
            raise
        return {"refused": str(error)}
    ranges = [part.args[1:3] for header, *_ in caught for part in header.tasks]
    rows = importlib.import_module("sums.models").Part.objects.filter(job=job).count()
    return {"refused": "", "ended": ended, "ranges": ranges, "rows": rows}


def sent_message(x: int, y: int) -> list[Any]:
    """The arguments [args, kwargs] of the message that `submit` sends; [] if it sends none."""
    set_up()
    app = importlib.import_module("celery_testing.celery").app
    services = importlib.import_module("sums.services")
    with app.connection_for_write() as connection:
        queue = app.amqp.queues[app.conf.task_default_queue](connection.default_channel)
        queue.declare()
        queue.purge()
        services.submit(x, y)
        message = queue.get(no_ack=True)
        if message is None:
            return []
        args, kwargs, _ = json.loads(message.body)
    return [args, kwargs]


def supervised(path: str) -> list[dict[str, Any]] | str:
    """Each program of a supervisord.conf, as supervisor itself reads it, or its error message."""
    from supervisor.datatypes import signal_number
    from supervisor.options import ServerOptions

    options = ServerOptions()
    options.stderr = said = io.StringIO()  # its own, from when the class was created
    try:
        options.realize(["-c", path, "-n"], doc="")
    except SystemExit:
        error = said.getvalue().partition("For help, use")[0].removeprefix("Error: ")
        # without all the names in the environment, and the path of the file
        error = re.sub(r" Available names: .*?(?= in section )", "", error, flags=re.DOTALL)
        error = error.replace(f" (file: {path!r})", "").replace(path, "supervisord.conf")
        return " ".join(error.split())
    names = ("name", "command", "stopwaitsecs", "stopasgroup", "killasgroup", "autostart")
    return [
        {name: getattr(program, name) for name in names}
        | {
            "stopsignal": signal_number(program.stopsignal),
            "autorestart": bool(program.autorestart),
        }
        for group in options.process_group_configs
        for program in group.process_configs
    ]
