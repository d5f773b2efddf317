"""Stage 06: web and worker with one command; the guide's last scene."""

import contextlib
import re

import psutil
from honcho.environ import parse_procfile

from workshop.broker.login import USER, VHOST
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.errors import CourseError
from workshop.machine.ports import free_port
from workshop.machine.process import Running, holds
from workshop.project.log import jobs
from workshop.project.web import Web

check = Check(__file__)
PROCFILE, WORKERS = "Procfile", "testing/workers.py"
LEVELS = {"DEBUG", "INFO"}  # at these a worker reports its tasks
QUIET = {"WARNING", "ERROR", "CRITICAL", "FATAL"}
# a line of a task: its level, and what it says after the task's name and id, if they are there
OWN = re.compile(r"\[[\d-]+ [\d:,]+: (?P<level>\w+)/[\w-]+\] (?:\S+\[[^\]]+\]: )?(?P<said>.*)")
LOOPBACK = {"127.0.0.1", "::1"}


@check.item(todo="a", file=PROCFILE)
def procfile_has_both(look: Look) -> None:
    look.needs_file(PROCFILE)
    found = parse_procfile((look.path / PROCFILE).read_text()).processes
    missing = {"web", "worker"} - set(found)
    if missing:
        raise Wrong(
            f"it has {', '.join(found) or 'no line'}; missing: {', '.join(sorted(missing))}. "
            "A line is: name: command"
        )
    worker = found["worker"]
    level = re.search(r"(?:--loglevel|\s-l)[\s=]*(\w+)", worker)
    if not level:
        raise Wrong(
            f"`{worker}` names no log level: without --loglevel=info a worker says nothing of "
            "its tasks"
        )
    if level[1].upper() not in LEVELS | QUIET:
        raise Wrong(f"`{worker}`: there is no log level {level[1]!r}. The usual one is info")
    if level[1].upper() in QUIET:
        raise Wrong(
            f"`{worker}`: at the level {level[1]} a worker does not report its tasks, nor that "
            "it is ready. The level that does is info"
        )
    for line in (found["web"], worker):
        if re.search(r"\s(--detach|-D)\b|&\s*$", line):  # it would outlive the check, too
            raise Wrong(
                f"`{line}` goes to the background: honcho takes that for its end, and stops "
                "everything else"
            )


def both(look: Look) -> tuple[Web, Running]:
    """What the learner's Procfile runs, on a port of the check's own."""

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
            running.kill()  # a worker of it would take the tasks of the next item
            raise Wrong(
                f"the web server of the Procfile listens on {', '.join(sorted(others))}, so anyone "
                "on your network can reach it. Without an address runserver listens on 127.0.0.1"
            )
        return Web(running, port), running

    return look.once("both", start)


def are_up(running: Running, port: int, lines: dict[str, str]) -> bool:
    """Whether both of the Procfile's lines are ready. Raises Wrong where they never will be."""
    said = running.text()
    address = re.search(r"transport:\s+(\S+)", said)
    if address and f"//{USER}:" not in address[1]:
        raise Wrong(
            f"the worker of the Procfile goes to {address[1]}, not to your vhost {VHOST}: it "
            "reads no settings of yours. Which app stands after -A?"
        )
    if re.search(r"app:\s+default:0x", said):
        raise Wrong(
            "the worker of the Procfile has no app of yours, and so none of your tasks: which app "
            "stands after -A?"
        )
    queues = re.search(r"\s-Q|--queues", lines["worker"])
    if queues and re.search(r"\[queues\]", said):
        raise Wrong(
            f"`{lines['worker']}` names its queues. Your tasks go to the app's default queue, "
            "which a worker takes from when it names none"
        )
    elsewhere = re.search(r"server at http://\S+:(\d+)", said)
    if elsewhere and int(elsewhere[1]) != port:
        if int(elsewhere[1]) == port + 100 * list(lines).index("web"):
            raise Wrong(
                f"the web server of the Procfile listens on {elsewhere[1]}, and $PORT is {port}: "
                "honcho adds 100 to the port for each line above web, so web is the first"
            )
        raise Wrong(
            f"the web server of the Procfile listens on {elsewhere[1]}, and $PORT is {port}: "
            "the port comes from the environment"
        )
    return bool(re.search(r" ready\.", said)) and holds(running.guard.pid, port)


def why_not_up(said: str, lines: dict[str, str], path: str) -> Wrong | None:
    """What a Procfile's line that ended at once speaks of, where its own words do not fit."""
    places = re.findall(rf'File "{re.escape(path)}/(.+?)", line (\d+)', said)
    if places and (raised := re.findall(r"\| (\w+Error: .*)", said)):
        file, number = places[-1]
        return Wrong(f"{file}, line {number}: {raised[-1]}", where=file)
    web, worker = lines["web"], lines["worker"]
    if "port is already in use" in said and not re.search(r"\$\{?PORT\b", web):
        return Wrong(f"`{web}` does not name $PORT, and another program has the port it takes")
    if missing := re.search(
        r"sh: (?:\d+: |line \d+: )?(\S+?): (?:(?:command )?not found|Permission denied)", said
    ):
        line = web if re.search(rf"(^|\s){re.escape(missing[1])}(\s|$)", web) else worker
        return Wrong(f"`{line}`: there is no command {missing[1]}. It is as you typed it before")
    return None


def addresses(running: Running, port: int) -> set[str]:
    """The addresses of this machine on which something of the command's listens on the port."""
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
        raise Wrong(f"GET /sum/1/1/ answered {web.why(answer)}")
    median = look.once("median", lambda: web.median("/sum/1/1/", 20))
    if median > 0.05:
        raise Wrong(f"the median of 20 answers is {median * 1000:.0f} ms")
    return f"median {median * 1000:.1f} ms"


@check.item(todo="b", file=WORKERS)
def task_logs_a_line(look: Look) -> None:
    look.needs_file(WORKERS)
    # where the Procfile's worker runs, a second one would share its queue
    worker = both(look)[1] if look.has("both") else look.worker("celery_testing")
    task_id = look.ask("send", x=31, y=47)
    worker.wait_for(rf"\[{task_id}\] (succeeded|raised)", limit=10)
    if error := re.search(rf"\[{task_id}\] raised unexpected: (.*)", worker.text()):
        raise Wrong(f"the task failed in the worker: {error[1]}")
    if "--- Logging error ---" in worker.text():
        said = re.search(r"TypeError: (.*)", worker.text())
        raise Wrong(
            f"the line could not be written: {said[1] if said else 'a logging error'}. In the "
            "text, one %s stands for each value"
        )
    lines = own_lines(worker.text())
    both_named = [line for line in lines if named(line) == {"31", "47"}]
    if not both_named:
        raise Wrong(why_no_line(look.read(WORKERS), [line["said"] for line in lines]))
    if len(both_named) > 1:
        raise Wrong(
            f"one task wrote its line {len(both_named)} times: is it in a loop? The guide's sum "
            "has a hundred million rounds"
        )
    level = both_named[0]["level"]
    if level != "INFO":
        also = ", as print() has in a worker" if level == "WARNING" else ""
        raise Wrong(f"the line has the level {level}{also}: which method has INFO?")


# how Celery's own lines on a task begin, at INFO and at DEBUG
CELERYS = ("Task testing.", "TaskPool: Apply")


def own_lines(log: str) -> list[re.Match]:
    """The lines of a worker's log that tasks wrote: not Celery's own."""
    found = (OWN.search(line) for line in log.splitlines())
    return [line for line in found if line and not line["said"].startswith(CELERYS)]


def named(line: re.Match) -> set[str]:
    """Which of the two numbers a line has."""
    return {"31", "47"} & set(re.findall(r"\d+", line["said"]))


def why_no_line(text: str, said: list[str]) -> str:
    """Why no line names both numbers, from the learner's file and what was written."""
    if re.search(r"\bprint\(", text):
        return "print() comes to a worker's log in pieces, with the level WARNING: use the logger"
    if "logger.debug" in text:
        return "the line has the level DEBUG, and the worker shows INFO and above"
    if unfilled := [line for line in said if re.search(r"\{[xy]\}", line)]:
        return f"the log says {unfilled[0]!r}: braces are filled in a text with f before its quote"
    for number, name in (("31", "y"), ("47", "x")):
        half = [line for line in said if number in re.findall(r"\d+", line)]
        if half:
            return f"for x=31, y=47 the log says {half[0]!r}, and no line names {name}"
    return "the worker's log has no line of the task's own that names 31 and 47"


@check.item(todo="a", file=PROCFILE, needs=(honcho_brings_up_both, task_logs_a_line), is_drill=True)
def worker_logs_the_result(look: Look) -> str:
    web, running = both(look)
    answered = web.seconds("/sum/10000/10000/")
    running.wait_for(r"succeeded in .*: 100000000$|raised unexpected", limit=50)
    if "raised unexpected" in running.text():
        error = re.search(r"raised unexpected: (.*)", running.text())[1]
        raise Wrong(f"the task failed in the worker: {error}")
    work = next(job for job in jobs(running.text()) if job.result == "100000000").seconds
    return (
        f"answered in {answered * 1000:.1f} ms, worked for {work:.2f} s: "
        f"{work / answered:.0f} times as long"
    )
