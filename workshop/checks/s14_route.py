"""Stage 14: each task in its queue, each queue with its worker, and a policy for both queues."""

import re
from collections import Counter

from honcho.environ import parse_procfile

from workshop.checks import policies
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.procfile import Line, option, workers
from workshop.errors import CourseError
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.process import Running
from workshop.project.sandbox import worker_ready

check = Check(__file__)
SETTINGS, PROCFILE, POLICY = "celery_testing/settings.py", "Procfile", "policy.sh"
QUEUES = ("sums", "quick")
# the tasks of each queue, with their arguments
SUMS: dict[str, list] = {
    "sums.tasks.sum_in_parts": [3, 4],
    "sums.tasks.sum_rows": ["a job", 0, 3, 4],
    "sums.tasks.add_up": [[3, 4]],
    "sums.tasks.sum_number": [3, 4],
    "sums.tasks.say_failed": ["a request", "an error", "a traceback"],
}
QUICK: dict[str, list] = {
    "receipts.tasks.tell": ["http://127.0.0.1/", "a text"],
    "reports.tasks.report": [],
    "dead_letters.tasks.collect": [],
}
# what Celery prints about a worker that does not start
OF_WORKERS = (
    (r"Trying to select queue subset of \[(?P<queue>.*?)\]", "worker_without_queue"),
    (r"No such option:? '?(?P<option>-[\w-]+)", "no_such_option"),
)


@check.item(todo="a", file=SETTINGS)
def tasks_are_in_their_queues(look: Look) -> None:
    look.needs_file(SETTINGS)
    found = look.ask("routed", tasks=SUMS | QUICK)
    for task, error in found["errors"].items():
        if missing := re.search("Queue '(.*)' missing", error):
            raise check.wrong("no_such_queue", task=task, queue=missing[1])
        raise check.wrong("not_sent", task=task, error=error)
    queues = found["queues"]
    expect("lost", [name for name in SUMS | QUICK if name not in queues])
    if others := [name for name in QUICK if queues[name] != "quick"]:
        if found["empty"]:
            raise check.wrong("no_routes")
        if found["keys"]:
            raise check.wrong("no_such_task", key=found["keys"][0], task=others[0])
        expect("not_quick", others)
    expect("not_a_sum", [name for name in SUMS if queues[name] != "sums"])


def expect(name: str, tasks: list[str]) -> None:
    """Raise Wrong with the names of the tasks, if there are any."""
    if tasks:
        raise check.wrong(name, tasks=", ".join(tasks))


@check.item(todo="b", file=PROCFILE)
def each_queue_has_a_worker(look: Look) -> None:
    look.needs_file(PROCFILE)
    text = (look.path / PROCFILE).read_text()
    try:
        found, names = workers(text), set(parse_procfile(text).processes)
    except (ValueError, AssertionError) as error:  # an unclosed quote, a name used twice
        raise check.wrong("unreadable", error=error) from None
    if missing := {"web", "beat"} - names:
        raise check.wrong("line_missing", missing=", ".join(sorted(missing)))
    if len(found) < 2:
        raise check.wrong("one_worker", count=len(found))
    expect_queues(list(found.values()))
    nodes = Counter(line.node for line in found.values())
    if twice := [node for node, count in nodes.items() if count > 1]:
        raise check.wrong("same_name", name=twice[0] or "celery@%h")


def expect_options(line: Line) -> None:
    """Raise Wrong unless a worker names its app, its queues, and a level at which it logs."""
    if not option(line.text, "-A", "--app"):
        raise check.wrong("no_app", line=line.text)
    if option(line.text, "-l", "--loglevel").lower() not in ("info", "debug"):
        raise check.wrong("quiet", line=line.text)
    if re.search(r"(-Q|--queues)[ =]?\S*,\s", line.text):
        raise check.wrong("space_in_queues", line=line.text)
    if not line.queues:
        raise check.wrong("takes_from_all", line=line.text)
    if unknown := set(line.queues) - set(QUEUES):
        raise check.wrong("worker_without_queue", queue=", ".join(sorted(unknown)))


def expect_queues(lines: list[Line]) -> None:
    """Raise Wrong unless each queue has a worker, and short tasks have a dedicated one."""
    for line in lines:
        expect_options(line)
    taken = {queue for line in lines for queue in line.queues}
    if missing := [queue for queue in QUEUES if queue not in taken]:
        raise check.wrong("nobody_takes", queue=missing[0])
    if shared := [line for line in lines if set(QUEUES) <= set(line.queues)]:
        raise check.wrong("quick_shares", line=shared[0].text)


@check.item(todo="c", file=POLICY)
def policy_for_both_queues(look: Look) -> None:
    policies.of_script(look, POLICY, QUEUES)


@check.item(
    todo="b",
    file=PROCFILE,
    needs=(tasks_are_in_their_queues, each_queue_has_a_worker),
    is_drill=True,
)
def workers_take_their_tasks(look: Look) -> str:
    look.migrate()
    lines = workers((look.path / PROCFILE).read_text())
    running = {name: start(look, line) for name, line in lines.items()}
    look.ask("send_both")
    ran = {task: who_ran(running, task) for task in ("report", "sum_number")}
    return check.says("each_its_own", quick=ran["report"], sums=ran["sum_number"])


def start(look: Look, line: Line) -> Running:
    """Start a worker the way its Procfile line does."""
    try:
        return look.start(line.text, worker_ready, "worker")
    except CourseError as error:
        raise check.first_wrong(OF_WORKERS, str(error)) or error from None


def who_ran(running: dict[str, Running], task: str) -> str:
    """The name of the Procfile line whose worker ran a task."""

    def ran() -> str:
        ended = re.compile(rf"\.{task}\[.*(succeeded|raised)")
        return next((name for name, one in running.items() if ended.search(one.text())), "")

    try:
        return wait_until(ran, limit=20, what=f"the task {task}")
    except NotYet:
        raise check.wrong("nobody_ran", task=task) from None
