"""The guide's final example in a terminal: the answer at once, the work seconds later."""

import re
import time

from rich.console import Console

from workshop.broker.node import Broker
from workshop.desk import stages
from workshop.machine.patience import wait_until
from workshop.project.log import work_of
from workshop.project.sandbox import Sandbox

REQUEST = "/sum/10000/10000/"
RESULT = "100000000"


def demo() -> None:
    """Start broker, web server and worker of the solved stage 06; send a request; wait; end all."""
    broker, console = Broker(), Console(highlight=False, soft_wrap=True)
    with console.status("starting RabbitMQ …"):
        was_running = not broker.start()
        sandbox = Sandbox(next(one for one in stages.all_stages() if one.demo), broker)
    try:
        with sandbox:
            last = _scene(sandbox, console)
    finally:
        if not was_running:
            broker.stop()
    console.print("everything that was started has been stopped")
    console.print(last, highlight=False)


def _scene(sandbox: Sandbox, console: Console) -> str:
    with console.status("starting the web server and a worker …"):
        web, worker = sandbox.web(), sandbox.worker()
        web.get("/sum/1/1/")
        worker.wait_for("succeeded")
    console.print("RabbitMQ, the web server and a worker are up")
    console.print(f"GET {REQUEST}")
    answer = web.get(REQUEST)
    answered = answer.elapsed.total_seconds()
    console.print(f"{answer.status_code} {answer.text}   after {answered * 1000:.1f} ms")
    begun = time.monotonic()
    with console.status("") as status:

        def line() -> str | None:
            status.update(f"the worker is counting, {time.monotonic() - begun:.1f} s")
            found = re.search(rf".*succeeded in .*: {RESULT}$", worker.text(), re.M)
            return found and found[0]

        said = wait_until(line, limit=120, what="the worker's result")
    console.print(said, highlight=False)
    work = work_of(worker.text(), RESULT)
    return f"answered in {answered * 1000:.1f} ms · worked for {work:.2f} s · result {RESULT}"
