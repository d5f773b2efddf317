"""`make lab`: broker and JupyterLab started side by side, until Ctrl-C ends them."""

import os
import signal
import subprocess
import threading
import time
import webbrowser

from rich.console import Console

from workshop.broker.node import Broker
from workshop.desk import lessons, prepare, progress
from workshop.errors import CourseError
from workshop.lab import jupyter
from workshop.machine import ports
from workshop.machine.warm import Warm


def open_course() -> int:
    """Open the course where the learner left off, and run until stopped; return the exit status."""
    broker, begun = Broker(), time.monotonic()
    console = Console(highlight=False, soft_wrap=True)
    prepare.enter(broker)
    if os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):
        return _on_a_hub(broker, console)
    trouble: list[CourseError] = []
    beside = threading.Thread(target=_start_broker, args=(broker, begun, trouble, console))
    beside.start()
    try:
        server, process = _jupyter(begun, console)
    finally:
        beside.join()
    if trouble:
        console.print(f"✗ {trouble[0]}")
    at = progress.last_begun() and progress.next_stage()
    if trouble or (at and not at.path.exists()):
        at = None
    address = jupyter.lay_out_desk(server, at)
    console.print(f"\n  open  {address}\n")
    if process is None:
        return 1 if trouble else 0
    if jupyter.has_display():
        webbrowser.open(address)
    # SIGINT too: a program that a shell starts in the background would not hear it
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with Warm() as warm:  # from the first check on, no check waits for imports
        warm.share()
        return _until_interrupted(process, server, console)


def _on_a_hub(broker: Broker, console: Console) -> int:
    broker.start()
    console.print(f"✓ RabbitMQ  runs, on localhost:{broker.port}")
    lessons.lay_all()
    first = jupyter.lesson_of(jupyter.FIRST)
    console.print(f"\n  You are in Jupyter already: open {first} there.\n")
    return 0


def _start_broker(
    broker: Broker, begun: float, trouble: list[CourseError], console: Console
) -> None:
    """Runs in a thread while Jupyter starts. A failure is left in `trouble`."""
    try:
        started = broker.start()
        took = f"started ({time.monotonic() - begun:.1f} s)" if started else "is running"
        console.print(f"✓ RabbitMQ  {took}, on localhost:{broker.port}")
    except CourseError as error:
        trouble.append(error)


def _jupyter(begun: float, console: Console) -> tuple[dict, subprocess.Popen | None]:
    """The server of this checkout, and its process if it was started here."""
    if server := next(jupyter.servers(), None):
        console.print("✓ Jupyter   is running")
        return server, None
    process = jupyter.launch()
    server = jupyter.until_ready(process)
    console.print(f"✓ Jupyter   started ({time.monotonic() - begun:.1f} s)")
    return server, process


def _until_interrupted(process: subprocess.Popen, server: dict, console: Console) -> int:
    in_container = bool(ports.published_ports())  # there, the broker ends with the container
    try:
        if in_container:
            console.print("Ctrl-C here, or `docker compose stop`, ends both.")
        else:
            console.print("Ctrl-C here ends JupyterLab; `make stop` ends RabbitMQ, too.")
        process.wait()
    except KeyboardInterrupt:
        jupyter.end(server)
        after = "" if in_container else " RabbitMQ still runs: `make stop` ends it."
        console.print(f"\nJupyterLab has ended.{after}")
    return 0


def _interrupt(*_) -> None:
    raise KeyboardInterrupt
