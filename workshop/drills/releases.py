"""Change and stop what runs, and count what is lost on the way.

Here, a project is the learner's own or a copy; its tables already exist.
"""

import os
import re
import signal
import subprocess
import threading

import httpx

from workshop.drills.failures import stuck
from workshop.drills.waiting import WORKER
from workshop.machine import environment
from workshop.machine.patience import run_through, wait_until
from workshop.machine.process import Running
from workshop.project.browser import browser
from workshop.project.project import Project

SAYS = {"SIGTERM": "Warm shutdown", "SIGQUIT": "Cold shutdown"}
SUMS = 200  # tasks


def sums_done(
    project: Project, *workers: Running, count: int = 10, **more: int
) -> tuple[int, list[str]]:
    """Send sums, for these workers; return how many are done, and the errors of the others.

    `more` are arguments besides x and y. They are sent with `send_task`, which knows no signature,
    so that an older or a newer release may be the sender.
    """

    def ended() -> list[str]:
        text = "".join(worker.text() for worker in workers)
        return re.findall(r"(?:add_up|sum_in_parts)\[\S+\] (succeeded|raised.*)", text)

    before = len(ended())
    project.shell(
        "from celery import current_app as app\n"
        "from sums.models import Job\n"
        f"for _ in range({count}):\n"
        "    job = Job.objects.create(x=16, y=2)\n"
        f"    app.send_task('sums.tasks.sum_in_parts', (16, 2), {more}, task_id=job.task_id)\n"
    )
    wait_until(lambda: len(ended()) >= before + count, limit=60, what="the sums")
    errors = [text.removeprefix("raised unexpected: ") for text in ended()[before:]]
    return errors.count("succeeded"), sorted({text for text in errors if text != "succeeded"})


def stopped(project: Project, name: str) -> tuple[int, int]:
    """One task runs and one waits when the worker gets a signal: return how many of them end
    well, and how many are still in the queue afterward.

    The running task ends only after the worker has logged that it is shutting down.
    """
    worker = project.run(f"{WORKER} -Q sums")
    with stuck(project, processes=2):
        worker.wait_for("waits for the lock")
        os.kill(worker.pid, getattr(signal, name))
        worker.wait_for(SAYS[name])
        if name == "SIGQUIT":  # it does not wait for the task
            worker.wait()
    worker.wait()

    def queue() -> dict[str, int]:
        return project.broker.queues(project.vhost)["sums"]

    wait_until(lambda: queue()["unacked"] == 0, limit=10, what="the queue")
    left = queue()["ready"]
    project.broker.ctl("purge_queue", "-p", project.vhost, "sums")
    return len(re.findall(r"Task locked\[.*succeeded", worker.text())), left


def restarted(project: Project) -> int:
    """Send 200 sums to supervisor's workers, and restart them twice; return how many are done."""
    logs = {name: project.path / f"{name}.log" for name in ("sums", "quick")}
    for log in logs.values():
        log.unlink(missing_ok=True)

    def all_ready(running: Running) -> bool:
        return all(log.exists() and " ready." in log.read_text() for log in logs.values())

    def done() -> int:
        return len(set(re.findall(r"sum_number\[(\S+)\] succeeded", logs["sums"].read_text())))

    with project.run("supervisord -n", ready=all_ready, limit=60):
        for _half in (1, 2):
            project.shell(
                "from sums.tasks import sum_number\n"
                f"for _ in range({SUMS // 2}): sum_number.delay(500, 1000)"
            )
            before = done()
            wait_until(lambda: done() > before, limit=30, what="the first sums")  # noqa: B023
            run_through(
                ["supervisorctl", "restart", "sums"],
                limit=60,
                cwd=project.path,
                env=environment.clean(**project.env),
                stdout=subprocess.DEVNULL,
            )
        wait_until(lambda: done() >= SUMS, limit=120, what="200 sums")
    return done()


def reloaded(project: Project) -> dict[str, int]:
    """Ask for a page again and again while gunicorn replaces its processes; count the answers.

    At the change, gunicorn ends the old processes before the new ones have read their code. A
    request that comes then waits in the socket's queue: for seconds, if the machine is busy.
    """
    counts = {"answers": 0, "errors": 0}
    over = threading.Event()

    def ask() -> None:
        with browser(project.url("/")) as visitor:
            while not over.is_set():
                try:
                    counts["answers" if visitor.get("/").is_success else "errors"] += 1
                except httpx.HTTPError:
                    counts["errors"] += 1

    command = "gunicorn celery_testing.wsgi --bind=127.0.0.1:$PORT --workers=2"
    with project.run(command, ready=lambda one: "Booting worker" in one.text()) as web:
        web.wait_for("Booting worker", count=2)
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            wait_until(lambda: counts["answers"] >= 5, limit=20, what="the first answers")
            os.kill(web.pid, signal.SIGHUP)
            web.wait_for("Booting worker", count=4)
            web.wait_for("Worker exiting", count=2)
            after = counts["answers"] + 5
            wait_until(lambda: counts["answers"] >= after, limit=20, what="five more answers")
        finally:
            over.set()
            asking.join()
    return counts
