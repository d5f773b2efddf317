"""Stage 06: web and worker with one command; the guide's last scene."""

from honcho.environ import parse_procfile

from workshop import process
from workshop.checks import Check
from workshop.checks.look import Look, Web, Wrong
from workshop.ports import next_free
from workshop.process import Running
from workshop.worklog import LINE, jobs

check = Check()
PROCFILE, WORKERS = "Procfile", "testing/workers.py"
RUNS = "honcho start brings up the web server and a worker"


@check.item("the Procfile has a web and a worker", todo="a", file=PROCFILE)
def procfile_has_both(look: Look) -> None:
    look.needs_file(PROCFILE)
    found = parse_procfile((look.path / PROCFILE).read_text()).processes
    missing = {"web", "worker"} - set(found)
    if missing:
        raise Wrong(
            f"it has {', '.join(found) or 'no line'}; missing: {', '.join(sorted(missing))}. "
            "A line is: name: command"
        )


def both(look: Look) -> tuple[Web, Running]:
    """What the learner's Procfile runs, on a port of the check's own."""

    def start() -> tuple[Web, Running]:
        port = next_free(8100)
        is_up, is_ready = process.listens(port), process.says(r" ready\.")
        running = look.start(
            "honcho start", lambda run: is_up(run) and is_ready(run), "honcho", PORT=str(port)
        )
        return Web(running, port), running

    return look.once("both", start)


@check.item(RUNS, todo="a", file=PROCFILE, needs=("the Procfile has a web and a worker",))
def honcho_brings_up_both(look: Look) -> None:
    both(look)


@check.item("the median of 20 answers is under 50 ms", todo="a", file=PROCFILE, needs=(RUNS,))
def answers_are_quick(look: Look) -> str:
    web, _ = both(look)
    answer = web.get("/sum/1/1/")
    if answer.status_code != 200:
        raise Wrong(f"GET /sum/1/1/ answered {web.why(answer)}")
    median = look.once("median", lambda: web.median("/sum/1/1/", 20))
    if median > 0.05:
        raise Wrong(f"the median of 20 answers is {median * 1000:.0f} ms")
    return f"median {median * 1000:.1f} ms"


@check.item("the worker logs 100000000 for 10000 × 10000", todo="a", file=PROCFILE, needs=(RUNS,))
def worker_logs_the_result(look: Look) -> str:
    web, running = both(look)
    answered = web.seconds("/sum/10000/10000/")
    running.wait_for(r"succeeded in .*: 100000000$", limit=50)
    work = next(job for job in jobs(running.text()) if job.result == "100000000").seconds
    return (
        f"answered in {answered * 1000:.1f} ms, worked for {work:.2f} s: "
        f"{work / answered:.0f} times as long"
    )


@check.item("the task logs a line of its own with x and y", todo="b", file=WORKERS)
def task_logs_a_line(look: Look) -> None:
    look.needs_file(WORKERS)
    # where the Procfile's worker runs, a second one would share its queue
    worker = both(look)[1] if look.has("both") else look.worker("celery_testing")
    task_id = look.ask("send", x=31, y=47)
    worker.wait_for(rf"\[{task_id}\] (succeeded|raised)", limit=10)
    own = [
        line
        for line in worker.text().splitlines()
        if "31" in line.split("] ", 1)[-1]
        and "47" in line.split("] ", 1)[-1]
        and "Task testing" not in line
    ]
    if not own:
        raise Wrong("the worker's log has no line of the task's own that names 31 and 47")
    read = LINE.search(own[0])
    if read and "MainProcess" in read["process"]:
        raise Wrong("the line is written by the main process, when the file is imported")
    if "WARNING" in own[0]:
        raise Wrong("the line has the level WARNING, as print() has in a worker: which has INFO?")
