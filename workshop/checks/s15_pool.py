"""Stage 15: many short tasks at the same time, and processes that do not grow forever."""

import contextlib
import re

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
PROCESSES = 8  # more would need too much memory, about 50 MB each
LEAKS, MIB = 12, 20  # tasks, and what each of them keeps
ENOUGH = 8  # tasks: six or so keep more than 200 MB, with what a process uses by itself
# what Celery prints about a pool that it cannot start
OF_POOLS = (
    (r"Invalid value for '-P'.*?: (?P<why>.*)", "no_such_pool"),
    (r"No module named '(?P<name>gevent|eventlet)'", "pool_not_installed"),
    (r"No such option:? '?(?P<option>-[\w-]+)", "no_such_option"),
    (r"Invalid value for '(?P<option>-[\w-]+)'.*?: (?P<why>.*)", "bad_value"),
)


def line_for(look: Look, queue: str) -> Line:
    """The first worker in the Procfile that takes from this queue and from the fewest others."""
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
    """Start a worker the way its line in the Procfile does, with more options."""
    text = re.sub(r"\s#.*", "", line.text)
    try:
        return look.start(
            " ".join([text, "--include=workshop.project.tasks", *more]), worker_ready, "worker"
        )
    except CourseError as error:
        raise check.first_wrong(OF_POOLS, str(error)) or error from None


def processes(worker: Running) -> list[psutil.Process]:
    """The processes of a worker's pool; a worker with threads has none."""
    return psutil.Process(worker.pid).children()


def expect_few_processes(look: Look, line: Line) -> None:
    """Raise Wrong, before they all start, if the line asks for more processes than fit."""
    sizes = [
        option(line.text, "-c", "--concurrency"),
        option(line.text, "", "--autoscale").split(",")[0],
    ]
    size = max((int(one) for one in sizes if one.isdigit()), default=0)
    if size <= PROCESSES or option(line.text, "-P", "--pool") == "threads":
        return
    worker = start(look, line, "--concurrency=1", "--autoscale=1,1")
    has_processes = bool(processes(worker))
    worker.kill()
    if has_processes:
        raise check.wrong("many_processes", count=size)


@check.item(todo="a", file=PROCFILE)
def many_receipts_at_once(look: Look) -> str:
    line = line_for(look, "quick")
    expect_few_processes(look, line)
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
        raise check.wrong("few_at_once", count=at_once, sent=SENT, line=line.text)
    return check.says("many_at_once", count=at_once, sent=SENT)


@check.item(todo="b", file=SETTINGS)
def process_is_replaced(look: Look) -> str:
    look.needs_file(SETTINGS)
    look.migrate()
    worker = start(look, line_for(look, "sums"), "--concurrency=1")
    if not (pool := processes(worker)):
        raise check.wrong("no_processes")
    [child] = pool
    limit = look.ask("memory_limit")
    look.ask("send_leaks", mib=0, count=LEAKS)
    worker.wait_for(r"Task leak\[.*succeeded", count=1, limit=40)
    done = lambda: len(re.findall(r"Task leak\[.*succeeded", worker.text()))  # noqa: E731
    # the next process may start five seconds later, so wait only for the end of this one
    wait_until(lambda: is_over(child) or done() == LEAKS, limit=40, what="tasks without a leak")
    if is_over(child):
        raise check.wrong("replaced_each_time" if done() < 3 else "counts_tasks", limit=limit)
    look.ask("send_leaks", mib=MIB, count=LEAKS)
    wait_until(lambda: is_over(child) or done() == 2 * LEAKS, limit=40, what="the process's end")
    tasks = done() - LEAKS
    if tasks > ENOUGH:
        raise check.wrong("never_replaced" if limit is None else "large", limit=limit)
    if tasks < 3:
        raise check.wrong("replaced_each_time", limit=limit)
    return check.says("replaced")
