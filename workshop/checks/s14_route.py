"""Stage 14: each task in its queue, each queue with its worker, and a policy for both queues."""

import re
import shlex
from collections import Counter
from dataclasses import dataclass

from honcho.environ import parse_procfile

from workshop.checks import policies
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.errors import CourseError
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.process import Running
from workshop.project.sandbox import worker_ready

check = Check(__file__)
SETTINGS, PROCFILE, POLICY = "celery_testing/settings.py", "Procfile", "policy.sh"
QUEUES = ("sums", "quick")
# a task with its arguments, and its queue
SUMS: dict[str, list] = {
    "sums.tasks.sum_in_parts": [3, 4],
    "sums.tasks.sum_rows": ["a job", 0, 3, 4],
    "sums.tasks.add_up": [[3, 4]],
    "sums.tasks.sum_number": [3, 4],
}
QUICK: dict[str, list] = {
    "receipts.tasks.tell": ["http://127.0.0.1/", "a text"],
    "reports.tasks.report": [],
    "dead_letters.tasks.collect": [],
}
# what Celery says about a worker that it does not start
OF_WORKERS = (
    (r"Trying to select queue subset of \[(?P<queue>.*?)\]", "worker_without_queue"),
    (r"No such option:? '?(?P<option>-[\w-]+)", "no_such_option"),
)


@check.item(todo="a", file=SETTINGS)
def tasks_are_in_their_queues(look: Look) -> None:
    look.needs_file(SETTINGS)
    found = look.ask("routed", tasks=SUMS | QUICK)
    failed = {name: place for name, place in found.items() if ": " in place}
    if failed:
        task, error = next(iter(failed.items()))
        if missing := re.search("Queue '(.*)' missing", error):
            raise check.wrong("no_such_queue", task=task, queue=missing[1])
        raise check.wrong("not_sent", task=task, error=error)
    expect("lost", [name for name, place in found.items() if not place])
    expect("not_quick", [name for name in QUICK if found[name] != "quick"])
    expect("not_a_sum", [name for name in SUMS if found[name] != "sums"])


def expect(name: str, tasks: list[str]) -> None:
    """Raise Wrong with the names of the tasks, if there are any."""
    if tasks:
        raise check.wrong(name, tasks=", ".join(tasks))


@dataclass(frozen=True)
class Line:
    """A worker's line of the Procfile: its queues (none: all of them) and its name."""

    text: str
    queues: tuple[str, ...]
    node: str


def workers(text: str) -> dict[str, Line]:
    """The workers of a Procfile."""
    found = {}
    for name, line in parse_procfile(text).processes.items():
        if re.search(r"\bcelery\b.*\sworker\b", line):
            queues = option(line, "-Q", "--queues").split(",")
            found[name] = Line(line, tuple(filter(None, queues)), option(line, "-n", "--hostname"))
    return found


def option(line: str, short: str, long: str) -> str:
    """The value of an option, or "" if the line does not have it."""
    words = shlex.split(line)
    for at, word in enumerate(words):
        if word in (short, long):
            return words[at + 1] if at + 1 < len(words) else ""
        if word.startswith(f"{long}="):
            return word.partition("=")[2]
        if word.startswith(short) and not word.startswith("--"):
            return word[len(short) :]
    return ""


@check.item(todo="b", file=PROCFILE)
def each_queue_has_a_worker(look: Look) -> None:
    look.needs_file(PROCFILE)
    text = (look.path / PROCFILE).read_text()
    try:
        found, names = workers(text), set(parse_procfile(text).processes)
    except (ValueError, AssertionError) as error:  # a quote that is not closed, a name used twice
        raise check.wrong("unreadable", error=error) from None
    if missing := {"web", "beat"} - names:
        raise check.wrong("line_missing", missing=", ".join(sorted(missing)))
    if len(found) < 2:
        raise check.wrong("one_worker", count=len(found))
    expect_queues(list(found.values()))
    nodes = Counter(line.node for line in found.values())
    if twice := [node for node, count in nodes.items() if count > 1]:
        raise check.wrong("same_name", name=twice[0] or "celery@%h")


def expect_queues(lines: list[Line]) -> None:
    """Raise Wrong unless each queue has a worker, and the short tasks one for them alone."""
    for line in lines:
        if not option(line.text, "-A", "--app"):
            raise check.wrong("no_app", line=line.text)
        if not line.queues:
            raise check.wrong("takes_from_all", line=line.text)
        if unknown := set(line.queues) - set(QUEUES):
            raise check.wrong("worker_without_queue", queue=", ".join(sorted(unknown)))
    taken = {queue for line in lines for queue in line.queues}
    if missing := [queue for queue in QUEUES if queue not in taken]:
        raise check.wrong("nobody_takes", queue=missing[0])
    if not any(line.queues == ("quick",) for line in lines):
        raise check.wrong("quick_shares")


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
    if "sums" in lines[ran["report"]].queues:
        raise check.wrong("shared_worker", line=ran["report"])
    return check.says("each_its_own", quick=ran["report"], sums=ran["sum_number"])


def start(look: Look, line: Line) -> Running:
    """A worker, as its line of the Procfile starts it."""
    try:
        return look.start(line.text, worker_ready, "worker")
    except CourseError as error:
        raise check.first_wrong(OF_WORKERS, str(error)) or error from None


def who_ran(running: dict[str, Running], task: str) -> str:
    """The name of the Procfile's line whose worker ran a task."""

    def ran() -> str:
        ended = re.compile(rf"\.{task}\[.*(succeeded|raised)")
        return next((name for name, one in running.items() if ended.search(one.text())), "")

    try:
        return wait_until(ran, limit=20, what=f"the task {task}")
    except NotYet:
        raise check.wrong("nobody_ran", task=task) from None
