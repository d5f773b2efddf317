"""Stage 06: web and worker with one command; the guide's last scene."""

import re

from honcho.environ import parse_procfile

from workshop.checks import Check
from workshop.checks.look import Look, Web, Wrong
from workshop.ports import free_port
from workshop.process import Running, holds
from workshop.setting import USER, VHOST
from workshop.worklog import LINE, jobs

check = Check()
PROCFILE, WORKERS = "Procfile", "testing/workers.py"
HAS_BOTH = "the Procfile has a web and a worker"
RUNS = "honcho start brings up the web server and a worker"


@check.item(
    HAS_BOTH,
    todo="a",
    file=PROCFILE,
    hints=(
        "Which two processes are to run, and what did you type for each in stages 04 and 05?",
        "A line is a name, a colon, and the command as you would type it. The names: web, worker.",
        "web: python manage.py runserver $PORT, and on the next line worker: celery -A …",
    ),
)
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
    if not re.search(r"--loglevel|\s-l", worker):
        raise Wrong(
            f"`{worker}` names no log level: without --loglevel=info a worker says nothing of "
            "its tasks"
        )


def both(look: Look) -> tuple[Web, Running]:
    """What the learner's Procfile runs, on a port of the check's own."""

    def start() -> tuple[Web, Running]:
        port = free_port()
        running = look.start(
            "honcho start", lambda run: are_up(run, port), "honcho", PORT=str(port)
        )
        return Web(running, port), running

    return look.once("both", start)


def are_up(running: Running, port: int) -> bool:
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
    elsewhere = re.search(r"server at http://[^:\s]+:(\d+)", said)
    if elsewhere and int(elsewhere[1]) != port:
        raise Wrong(
            f"the web server of the Procfile listens on {elsewhere[1]}, and $PORT is {port}: "
            "the port comes from the environment"
        )
    return bool(re.search(r" ready\.", said)) and holds(running.guard.pid, port)


@check.item(
    RUNS,
    todo="a",
    file=PROCFILE,
    needs=(HAS_BOTH,),
    hints=(
        "What does `honcho start` say in a terminal in the stage's folder?",
        "Its lines begin with the name of the one that speaks, web or worker. Look for the first "
        "that speaks of an error. Ctrl-C ends both.",
        "web: python manage.py runserver $PORT\n"
        "worker: celery -A celery_testing worker --loglevel=info",
    ),
)
def honcho_brings_up_both(look: Look) -> None:
    both(look)


@check.item(
    "the median of 20 answers is under 50 ms",
    todo="a",
    file=PROCFILE,
    needs=(RUNS,),
    hints=(
        "What does the web server do before it answers?",
        "testing/views.py, as in stage 04: nothing but to send the task and to answer.",
        "Where it is as it should be: which other programs keep this machine busy?",
    ),
)
def answers_are_quick(look: Look) -> str:
    web, _ = both(look)
    answer = web.get("/sum/1/1/")
    if answer.status_code != 200:
        raise Wrong(f"GET /sum/1/1/ answered {web.why(answer)}")
    median = look.once("median", lambda: web.median("/sum/1/1/", 20))
    if median > 0.05:
        raise Wrong(f"the median of 20 answers is {median * 1000:.0f} ms")
    return f"median {median * 1000:.1f} ms"


@check.item(
    "the worker logs 100000000 for 10000 × 10000",
    todo="a",
    file=PROCFILE,
    needs=(RUNS,),
    hints=(
        "Which of the two lines does the sum, and where would it say so?",
        "`honcho start` in a terminal, and /sum/10000/10000/ in a browser: the worker's line "
        "with `succeeded in`.",
        "The function's loops and its `return num` stay as they were: b adds one line to it.",
    ),
)
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


@check.item(
    "the task logs a line of its own with x and y",
    todo="b",
    file=WORKERS,
    hints=(
        "Where must the line stand so that it is written for every task, by the worker?",
        "Inside sum_number, before the loops. `logger` is there; it has a method for each level, "
        "and %s in its text stands for a value.",
        'logger.info("counting %s rows of %s", x, y)',
    ),
)
def task_logs_a_line(look: Look) -> None:
    look.needs_file(WORKERS)
    # where the Procfile's worker runs, a second one would share its queue
    worker = both(look)[1] if look.has("both") else look.worker("celery_testing")
    task_id = look.ask("send", x=31, y=47)
    worker.wait_for(rf"\[{task_id}\] (succeeded|raised)", limit=10)
    if "--- Logging error ---" in worker.text():
        said = re.search(r"TypeError: (.*)", worker.text())
        raise Wrong(
            f"the line could not be written: {said[1] if said else 'a logging error'}. In the "
            "text, one %s stands for each value"
        )
    own = [
        line
        for line in worker.text().splitlines()
        if LINE.search(line)
        and {"31", "47"} <= set(re.findall(r"\d+", LINE.search(line)["text"]))
        and "Task testing" not in line
    ]
    if not own:
        if re.search(r"\bprint\(", look.read(WORKERS)):
            raise Wrong(
                "print() comes to a worker's log in pieces, with the level WARNING: use the logger"
            )
        if "logger.debug" in look.read(WORKERS):
            raise Wrong("the line has the level DEBUG, and the worker shows INFO and above")
        raise Wrong("the worker's log has no line of the task's own that names 31 and 47")
    if "WARNING" in own[0]:
        raise Wrong("the line has the level WARNING, as print() has in a worker: which has INFO?")
