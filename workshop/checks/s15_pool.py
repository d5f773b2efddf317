"""Stage 15: many short tasks at the same time, and processes that do not grow forever."""

import contextlib
import re
import shlex

import psutil

from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.procfile import Line, option, workers
from workshop.errors import CourseError
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.process import Running, is_over
from workshop.project.sandbox import worker_ready
from workshop.project.service import closed_gate

check = Check(__file__)
PROCFILE, SETTINGS = "Procfile", "celery_testing/settings.py"
SENT, AT_ONCE = 30, 20  # requests
PROCESSES = 8  # more than that need too much memory: each about 50 MB
LEAKS, MIB = 12, 20  # tasks, and what each of them keeps; 200 MB are reached after six or so
# what Celery says about a pool that it cannot start
OF_POOLS = (
    (r"Invalid value for '-P'.*?: (?P<why>.*)", "no_such_pool"),
    (r"No module named '(?P<name>gevent|eventlet)'", "pool_not_installed"),
    (r"No such option:? '?(?P<option>-[\w-]+)", "no_such_option"),
    (r"Invalid value for '(?P<option>-[\w-]+)'.*?: (?P<why>.*)", "bad_value"),
)


def line_for(look: Look, queue: str) -> Line:
    """The first worker of the Procfile that takes from this queue alone, or from it too."""
    look.needs_file(PROCFILE)
    try:
        found = workers((look.path / PROCFILE).read_text()).values()
    except (ValueError, AssertionError) as error:  # see s14_route
        raise check.wrong("unreadable", error=error) from None
    mine = sorted((one for one in found if queue in one.queues), key=lambda one: len(one.queues))
    if not mine:
        raise check.wrong("no_worker", queue=queue)
    return mine[0]


def start(look: Look, line: Line, *more: str) -> Running:
    """A worker, as its line of the Procfile starts it, with more options."""
    command = shlex.join([*shlex.split(line.text), "--include=workshop.project.tasks", *more])
    try:
        return look.start(command, worker_ready, "worker")
    except CourseError as error:
        raise check.first_wrong(OF_POOLS, str(error)) or error from None


@check.item(todo="a", file=PROCFILE)
def many_receipts_at_once(look: Look) -> str:
    line = line_for(look, "quick")
    pool = option(line.text, "-P", "--pool") or "prefork"
    size = option(line.text, "-c", "--concurrency")
    if pool in ("prefork", "processes") and size.isdigit() and int(size) > PROCESSES:
        start(look, line, "--concurrency=1").kill()  # an option may be misspelled
        raise check.wrong("many_processes", count=size)
    look.migrate()
    worker = start(look, line)
    with closed_gate() as gate:
        look.ask("send_receipts", url=gate.url, count=SENT)
        with contextlib.suppress(NotYet):
            # less than the five seconds after which a receipt is sent again
            gate.wait_until_full(look.broker, look.vhost, "quick", SENT, limit=4)
        at_once = gate.inside
        worker.kill()
    if not at_once:
        raise check.wrong("no_request", sent=SENT)
    if at_once < AT_ONCE:
        raise check.wrong("few_at_once", count=at_once, sent=SENT, pool=pool)
    return check.says("many_at_once", count=at_once, sent=SENT)


@check.item(todo="b", file=SETTINGS)
def process_is_replaced(look: Look) -> str:
    look.needs_file(SETTINGS)
    look.migrate()
    worker = start(look, line_for(look, "sums"), "--concurrency=1")
    [child] = psutil.Process(worker.pid).children()
    look.ask("send_leaks", mib=MIB, count=LEAKS)
    done = lambda: len(re.findall(r"Task leak\[.*succeeded", worker.text()))  # noqa: E731
    # the next process starts up to five seconds later: whether this one ends is enough
    wait_until(lambda: is_over(child) or done() == LEAKS, limit=40, what="the end of a process")
    if done() == LEAKS:
        raise check.wrong("never_replaced", tasks=LEAKS, mib=LEAKS * MIB)
    if done() < 3:
        raise check.wrong("replaced_each_time", tasks=done())
    return check.says("replaced", tasks=done(), mib=MIB)
