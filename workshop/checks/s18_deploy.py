"""Stage 18: workers that read the messages of two releases, and a stop that loses nothing."""

import contextlib
import re
import shlex
import shutil
import signal
from functools import partial
from typing import Any

from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.procfile import option
from workshop.desk import stages
from workshop.machine import process
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.ports import free_port
from workshop.project import probe

check = Check(__file__)
TASKS, SERVICES, CONF = "sums/tasks.py", "sums/services.py", "supervisord.conf"
X, Y = 160, 2
AS_BEFORE = 8  # parts
LIMIT = 600  # seconds that a task may take: CELERY_TASK_TIME_LIMIT


def parts(look: Look, **kwargs: int) -> int:
    """How many parts a worker makes of a message with these arguments besides x and y."""
    look.needs_file(TASKS)
    look.migrate()
    found = look.ask("parts_of_message", x=X, y=Y, kwargs=kwargs)
    if found["refused"]:
        raise check.wrong("new_refused" if kwargs else "old_refused", error=found["refused"])
    if found["ended"] != "replaced":
        raise check.wrong("not_replaced", ended=found["ended"])
    if found["rows"] != len(found["ranges"]):
        raise check.wrong("other_rows", rows=found["rows"], parts=len(found["ranges"]))
    return len(found["ranges"])


@check.item(todo="a", file=TASKS)
def new_message_works(look: Look) -> str:
    for wanted in (16, 4):
        count = parts(look, parts=wanted)
        if count != wanted:
            raise check.wrong("parts_ignored", wanted=wanted, count=count)
    return check.says("parts", wanted=16)


@check.item(todo="a", file=TASKS, needs=(new_message_works,))
def old_message_still_works(look: Look) -> None:
    count = parts(look)
    if count != AS_BEFORE:
        raise check.wrong("old_is_different", count=count, before=AS_BEFORE)


def sent(look: Look, **env: str) -> list[Any]:
    """What `submit` sends with these variables in the environment: args and kwargs."""
    look.needs_file(SERVICES)
    look.migrate()
    asked = {"sent_message": {"x": X, "y": Y}}
    env = {"SUM_PARTS": "0", **env}  # the learner's terminal may have it
    found = probe.value(look.ask_all(asked, env=env)["sent_message"])
    if not found:
        raise check.wrong("nothing_sent", parts=env["SUM_PARTS"])
    return found


@check.item(todo="b", file=SERVICES)
def sender_sends_parts(look: Look) -> str:
    args, kwargs = sent(look, SUM_PARTS="12")
    value = kwargs.get("parts", args[2] if len(args) > 2 else None)
    if value is None:
        raise check.wrong("never_sent", args=args, kwargs=kwargs)
    if value != 12:
        raise check.wrong("another_number", value=value)
    return check.says("sent", args=args, kwargs=kwargs)


@check.item(todo="b", file=SERVICES, needs=(sender_sends_parts,))
def sender_waits_for_the_workers(look: Look) -> None:
    args, kwargs = sent(look)
    if len(args) > 2 or "parts" in kwargs:
        raise check.wrong("sent_too_early", args=args, kwargs=kwargs)
    if [*args, *kwargs.values()] != [X, Y]:
        raise check.wrong("other_arguments", args=args, kwargs=kwargs)


def in_shell(command: str) -> str:
    """What a command like `sh -c '…'` has its shell run; "" for any other command."""
    words = shlex.split(command)
    is_shell = len(words) > 2 and words[0].endswith("sh") and words[1] == "-c"
    return words[2] if is_shell else ""


def is_worker(command: str) -> bool:
    return "worker" in shlex.split(command)


def takes_from(command: str, queue: str) -> bool:
    return queue in option(command, "-Q", "--queues").split(",")


def programs(look: Look) -> list[dict[str, Any]]:
    """The programs of supervisord.conf that are workers, by supervisor's own reading."""
    look.needs_file(CONF)
    found = look.once("programs", lambda: look.ask("supervised", path=str(look.path / CONF)))
    if isinstance(found, str):
        raise check.wrong("unreadable", error=found)
    for one in found:
        script = in_shell(one["command"])
        if is_worker(script):
            if not script.startswith("exec ") or set(";&|") & set(script):
                raise check.wrong("a_shell", name=one["name"])
            one["command"] = script.removeprefix("exec ")  # the worker takes the shell's place
    workers = [one for one in found if is_worker(one["command"])]
    for queue in ("sums", "quick"):
        if not any(takes_from(one["command"], queue) for one in workers):
            raise check.wrong("no_worker", queue=queue)
    return workers


@check.item(todo="c", file=CONF)
def stop_waits_for_the_task(look: Look) -> str:
    for one in programs(look):
        name, seconds, stop = one["name"], one["stopwaitsecs"], signal.Signals(one["stopsignal"])
        if stop not in (signal.SIGTERM, signal.SIGINT):  # a first SIGINT is a warm shutdown, too
            raise check.wrong("another_signal", name=name, signal=stop.name)
        if seconds < LIMIT:
            raise check.wrong("stops_too_soon", name=name, seconds=seconds, limit=LIMIT)
        if one["stopasgroup"]:
            raise check.wrong("stops_the_pool", name=name)
        if not one["killasgroup"]:
            raise check.wrong("pool_stays", name=name)
        if not one["autorestart"] or not one["autostart"]:
            raise check.wrong("not_started_again", name=name)
    return check.says("waits", seconds=min(one["stopwaitsecs"] for one in programs(look)))


@check.item(todo="c", file=CONF, needs=(stop_waits_for_the_task,))
def workers_run(look: Look) -> None:
    look.migrate()
    folder = look.folder / "project"
    shutil.copytree(look.path, folder, ignore=shutil.ignore_patterns(*stages.HIDDEN, "*.sock"))
    env = {**look.environment, "PORT": str(free_port())}
    look.warm.wait()  # for its `celery`
    supervisor = look.enter(
        process.run("supervisord -n", cwd=folder, ready=lambda _: True, env=env, name="supervisor")
    )

    def has_worker(queue: str) -> bool:
        return bool((look.broker.facts("queues", look.vhost, queue) or {}).get("consumers"))

    def gave_up(queue: str) -> bool:
        """Whether supervisor no longer tries to start a worker of this queue."""
        names = {one["name"] for one in programs(look) if takes_from(one["command"], queue)}
        return names <= set(re.findall(r"gave up: (\S+) entered FATAL", supervisor.text()))

    def started(queue: str) -> bool:
        return has_worker(queue) or gave_up(queue)

    def last_lines(queue: str) -> str:
        """The end of the worker's log, if it still has the queue's name, and of supervisor's."""
        log = folder / f"{queue}.log"
        own = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
        return "\n".join([*own, *supervisor.text().splitlines()[-3:]])

    for queue in ("sums", "quick"):
        with contextlib.suppress(NotYet):
            wait_until(partial(started, queue), limit=40, what="the workers")
        if not has_worker(queue):
            raise check.wrong("not_ready", queue=queue, text=last_lines(queue))
    supervisor.stop()
