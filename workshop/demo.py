"""The guide's last scene in a terminal: the answer at once, the work seconds later."""

import re
import time

from rich.console import Console

from workshop.broker.node import Broker
from workshop.checks.look import Look
from workshop.checks.s06_run import both
from workshop.desk import stages
from workshop.machine.patience import wait_until
from workshop.project.log import jobs

REQUEST = "/sum/10000/10000/"
RESULT = "100000000"


def demo(console: Console) -> None:
    """Start broker, web server and worker of the solved stage 06; ask; wait; end them all."""
    broker = Broker()
    with console.status("starting RabbitMQ …"):
        was_running = not broker.start()
        look = Look(next(one for one in stages.all_stages() if one.demo), broker)
    try:
        with look:
            last = _scene(look, console)
    finally:
        if not was_running:
            broker.stop()
    console.print("all that was started is stopped")
    console.print(last, highlight=False)


def _scene(look: Look, console: Console) -> str:
    with console.status("starting the web server and a worker …"):
        web, running = both(look)
        web.get("/sum/1/1/")
        running.wait_for("succeeded")
    console.print("RabbitMQ, the web server and a worker are up")
    console.print(f"GET {REQUEST}")
    answer = web.get(REQUEST)
    answered = answer.elapsed.total_seconds()
    console.print(f"{answer.status_code} {answer.text}   after {answered * 1000:.1f} ms")
    begun = time.monotonic()
    with console.status("") as status:

        def line() -> str | None:
            status.update(f"the worker counts, {time.monotonic() - begun:.1f} s")
            found = re.search(rf".*succeeded in .*: {RESULT}$", running.text(), re.M)
            return found and found[0]

        said = wait_until(line, limit=120, what="the worker's result")
    console.print(said.split("| ", 1)[-1], highlight=False)
    work = next(job for job in jobs(running.text()) if job.result == RESULT)
    return (
        f"answered in {answered * 1000:.1f} ms · worked for {work.seconds:.2f} s"
        f" · result {work.result}"
    )
