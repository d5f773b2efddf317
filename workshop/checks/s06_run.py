"""Stage 06: web and worker with one command; the guide's last scene."""

import contextlib
import re

import psutil
from honcho.environ import parse_procfile

from workshop.broker.login import USER
from workshop.causes import likely_cause
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.errors import CourseError
from workshop.machine.ports import free_port
from workshop.machine.process import Running, holds
from workshop.project.log import work_of
from workshop.project.web import Web

check = Check(__file__)
PROCFILE, WORKERS = "Procfile", "testing/workers.py"
LEVELS = {"DEBUG", "INFO"}  # at these a worker reports its tasks
QUIET = {"WARNING", "ERROR", "CRITICAL", "FATAL"}
# a line of a task: its level, and its text after the task's name and id, if they are there
OWN = re.compile(r"\[[\d-]+ [\d:,]+: (?P<level>\w+)/[\w-]+\] (?:\S+\[[^\]]+\]: )?(?P<said>.*)")
# what the task's line is written with
OF_WRITING = (
    (r"\bprint\(", "printed"),
    (r"logger\.debug", "level_debug"),
    (r"return num\s*\n\s*logger\.", "line_after_return"),
)
# how Celery's own lines about a task begin, at INFO and at DEBUG
CELERYS = ("Task testing.", "TaskPool: Apply")
LOOPBACK = {"127.0.0.1", "::1"}


@check.item(todo="a", file=PROCFILE)
def procfile_has_both(look: Look) -> None:
    look.needs_file(PROCFILE)
    found = parse_procfile((look.path / PROCFILE).read_text()).processes
    missing = {"web", "worker"} - set(found)
    if missing:
        there = ", ".join(found) or check.says("no_line")
        raise check.wrong("line_missing", there=there, missing=", ".join(sorted(missing)))
    worker = found["worker"]
    level = re.search(r"(?:--loglevel|\s-l)[\s=]*(\w+)", worker)
    if not level:
        raise check.wrong("no_level", line=worker)
    if level[1].upper() not in LEVELS | QUIET:
        raise check.wrong("no_such_level", line=worker, level=level[1])
    if level[1].upper() in QUIET:
        raise check.wrong("quiet_level", line=worker, level=level[1])
    for line in (found["web"], worker):
        if re.search(r"\s(--detach|-D)\b|&\s*$", line):  # it would outlive the check, too
            raise check.wrong("in_the_background", line=line)


def both(look: Look) -> tuple[Web, Running]:
    """What the learner's Procfile runs, on a separate port."""

    def start() -> tuple[Web, Running]:
        port = free_port()
        lines = parse_procfile((look.path / PROCFILE).read_text()).processes
        try:
            running = look.start(
                "honcho start", lambda run: are_up(run, port, lines), "honcho", PORT=str(port)
            )
        except CourseError as error:
            raise why_not_up(str(error), lines, str(look.path.resolve())) or error from None
        others = addresses(running, port) - LOOPBACK
        if others:
            running.kill()  # its worker would take the tasks of the next item
            raise check.wrong("open_to_the_network", addresses=", ".join(sorted(others)))
        return Web(running, port), running

    return look.once("both", start)


def are_up(running: Running, port: int, lines: dict[str, str]) -> bool:
    """Whether both of the Procfile's lines are ready. Raises Wrong where they never will be."""
    said = running.text()
    address = re.search(r"transport:\s+(\S+)", said)
    if address and f"//{USER}:" not in address[1]:
        raise check.wrong("worker_elsewhere", address=address[1])
    if re.search(r"app:\s+default:0x", said):
        raise check.wrong("worker_without_app")
    queues = re.search(r"(?:\s-Q|--queues)[ =]*(\S+)", lines["worker"])
    if queues and "celery" not in queues[1].split(","):
        raise check.wrong("other_queues", line=lines["worker"])
    elsewhere = re.search(r"server at http://\S+:(\d+)", said)
    if elsewhere and int(elsewhere[1]) != port:
        below = int(elsewhere[1]) == port + 100 * list(lines).index("web")
        name = "web_below_another_line" if below else "another_port"
        raise check.wrong(name, taken=elsewhere[1], port=port)
    return bool(re.search(r" ready\.", said)) and holds(running.guard.pid, port)


def why_not_up(said: str, lines: dict[str, str], path: str) -> Wrong | None:
    """The mistake in a Procfile line that ended at once, if its own words do not name it."""
    places = re.findall(rf'File "{re.escape(path)}/(.+?)", line (\d+)', said)
    if places and (raised := re.findall(r"\| (\w+Error: .*)", said)):
        file, number = places[-1]
        return check.wrong("file_raised", where=file, file=file, line=number, error=raised[-1])
    web, worker = lines["web"], lines["worker"]
    if "port is already in use" in said and not re.search(r"\$\{?PORT\b", web):
        return check.wrong("port_not_named", line=web)
    if missing := re.search(
        r"sh: (?:\d+: |line \d+: )?(\S+?): (?:(?:command )?not found|Permission denied)", said
    ):
        line = web if re.search(rf"(^|\s){re.escape(missing[1])}(\s|$)", web) else worker
        return check.wrong("no_such_command", line=line, command=missing[1])
    return None


def addresses(running: Running, port: int) -> set[str]:
    """The addresses of this machine on which the command, or its child, listens on the port."""
    found = set()
    for process in psutil.Process(running.guard.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            for door in process.net_connections("tcp"):
                if door.status == psutil.CONN_LISTEN and door.laddr.port == port:
                    found.add(door.laddr.ip)
    return found


@check.item(todo="a", file=PROCFILE, needs=(procfile_has_both,))
def honcho_brings_up_both(look: Look) -> None:
    both(look)


@check.item(todo="a", file=PROCFILE, needs=(honcho_brings_up_both,))
def answers_are_quick(look: Look) -> str:
    web, _ = both(look)
    answer = web.get("/sum/1/1/")
    if answer.status_code != 200:
        raise check.wrong("answered_otherwise", answer=web.why(answer))
    median = look.once("median", lambda: web.median("/sum/1/1/", 20))
    if median > 0.05:
        raise check.wrong("slow_answers", median=median * 1000)
    return check.says("quick_answers", median=median * 1000)


def own_lines(log: str) -> list[re.Match]:
    """The lines of a worker's log that tasks wrote: not Celery's own."""
    found = (OWN.search(line) for line in log.splitlines())
    return [line for line in found if line and not line["said"].startswith(CELERYS)]


def named(line: re.Match) -> set[str]:
    """Which of the two numbers a line has."""
    return {"31", "47"} & set(re.findall(r"\d+", line["said"]))


def expect_no_error(log: str, task_id: str) -> None:
    """Raise Wrong if the task raised, or logging did."""
    if error := re.search(rf"\[{task_id}\] raised unexpected: (.*)", log):
        cause = f" ({'; '.join(cause)})" if (cause := likely_cause(error[1])) else ""
        raise check.wrong("task_failed", error=error[1] + cause)
    if "--- Logging error ---" in log:
        said = re.search(r"TypeError: (.*)", log)
        raise check.wrong("line_not_written", error=said[1] if said else check.says("an_error"))


def why_no_line(text: str, said: list[str]) -> Wrong:
    """Why no line names both numbers, from the learner's file and what was written."""
    if wrong := check.first_wrong(OF_WRITING, text):
        return wrong
    if unfilled := [line for line in said if re.search(r"\{[xy]\}", line)]:
        return check.wrong("braces_unfilled", line=unfilled[0])
    for number, name in (("31", "y"), ("47", "x")):
        half = [line for line in said if number in re.findall(r"\d+", line)]
        if half:
            return check.wrong("half_a_line", line=half[0], name=name)
    return check.wrong("no_line_of_the_task")


@check.item(todo="b", file=WORKERS)
def task_logs_a_line(look: Look) -> None:
    look.needs_file(WORKERS)
    # where the Procfile's worker runs, a second one would share its queue
    worker = both(look)[1] if look.has("both") else look.worker()
    task_id = look.ask("send", x=31, y=47)
    worker.wait_for(rf"\[{task_id}\] (succeeded|raised)", limit=10)
    expect_no_error(worker.text(), task_id)
    lines = own_lines(worker.text())
    both_named = [line for line in lines if named(line) == {"31", "47"}]
    if not both_named:
        raise why_no_line(look.read(WORKERS), [line["said"] for line in lines])
    if len(both_named) > 1:
        raise check.wrong("line_in_a_loop", count=len(both_named))
    level = both_named[0]["level"]
    if level != "INFO":
        raise check.wrong("level_of_print" if level == "WARNING" else "another_level", level=level)


@check.item(todo="a", file=PROCFILE, needs=(honcho_brings_up_both, task_logs_a_line), is_drill=True)
def worker_logs_the_result(look: Look) -> str:
    web, running = both(look)
    answered = web.seconds("/sum/10000/10000/")
    running.wait_for(r"succeeded in .*: 100000000$|raised unexpected", limit=50)
    if failed := re.search(r"raised unexpected: (.*)", running.text()):
        raise check.wrong("task_failed", error=failed[1])
    work = work_of(running.text(), "100000000")
    return check.says("at_work", answer=answered * 1000, work=work, times=work / answered)
