"""Run a command line as the learner would type it.

`run` returns when the thing is ready, with its output in a log file. A guard process
(guard.py) runs in between, so that the child ends with the process that asked for it.
It knows nothing of stages or RabbitMQ.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from workshop import places
from workshop.causes import likely_cause
from workshop.errors import CourseError
from workshop.machine import environment, guard, tally
from workshop.machine.patience import NotYet, wait_until

# traceback lines that add nothing to the rest
NOISE = re.compile(r"^[\s^~]*$|<frozen |importlib/__init__|_bootstrap|worker\.1 \|\s*$")
# honcho's line about a process that failed; what it says of the others after that is clean-up
FAILED_FIRST = re.compile(r"system\s*\| ([\w.-]+) stopped \(rc=(?!0\))")
GRACE = 15  # seconds a worker gets to finish its task when it is told to stop


def card_folder() -> Path:
    """The folder in which every running guard has its card."""
    return places.desk() / ".run"


@dataclass
class Running:
    """A command that runs, or ran."""

    command: str
    log: Path
    guard: Any  # a subprocess.Popen, or what stands for one
    card: Path

    def __repr__(self) -> str:
        state = "running" if self.is_running else "ended"
        return f"<{state}: {self.command}>"

    @property
    def is_running(self) -> bool:
        return self.guard.poll() is None

    @property
    def pid(self) -> int:
        """The command's own process, below its guard."""
        return psutil.Process(self.guard.pid).children()[0].pid

    def text(self) -> str:
        """All it has written so far, standard output and error together."""
        return self.log.read_text(errors="replace")

    def show(self, pattern: str = "", last: int = 10) -> None:
        """Print the last lines of the log, or those in which `pattern` is found."""
        lines = [line for line in self.text().splitlines() if re.search(pattern, line)]
        print("\n".join(lines[-last:]))

    def wait_for(self, pattern: str, count: int = 1, limit: float = 30) -> list[str]:
        """The lines in which `pattern` is found, once there are `count` of them.

        Raises CourseError, with the last lines and the likely cause, if they do not come
        within `limit` seconds or the command ends first.
        """

        def lines() -> list[str]:
            return [line for line in self.text().splitlines() if re.search(pattern, line)]

        with contextlib.suppress(NotYet):
            wait_until(
                lambda: len(lines()) >= count or not self.is_running,
                limit=limit,
                what=f"a line with {pattern!r} of `{self.command}`",
                pid=self.guard.pid,
            )
        if len(lines()) < count:
            raise self.failure(f"its log does not say: {pattern}")
        return lines()

    def failure(self, what: str) -> CourseError:
        """The command's last lines as an error, with the likely cause where it is known."""
        state = "runs" if self.is_running else f"ended ({self.guard.returncode})"
        text = self.text()
        words = [line for line in text.splitlines() if not NOISE.search(line)]
        if failed := FAILED_FIRST.search(text):
            words = [line for line in words if f"{failed[1]} " in line]
        said = "\n".join(f"    {line}" for line in words[-8:]) or "    (it wrote nothing)"
        cause, look = likely_cause(text) or (what, "read its last lines")
        return CourseError(f"`{self.command}` {state}: {cause}.\n{said}", look)

    def stop(self) -> None:
        """Tell it to end, and wait until it has. A worker finishes its current task."""
        with contextlib.suppress(OSError):
            self.guard.stdin.close()
        self.wait(GRACE + 10)

    def kill(self) -> None:
        """SIGKILL it and its descendants at once, as the OOM killer or a power cut would."""
        with contextlib.suppress(psutil.Error):
            family = psutil.Process(self.guard.pid).children(recursive=True)
            for one in family:
                with contextlib.suppress(psutil.Error):
                    one.kill()
        self.wait(10)

    def wait(self, limit: float = 30) -> None:
        """Return when it has ended."""
        wait_until(
            lambda: not self.is_running,
            limit=limit,
            what=f"the end of `{self.command}`",
            pid=self.guard.pid,
        )

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_) -> None:
        self.stop()


def run(
    command: str,
    *,
    cwd: Path,
    ready: Callable[[Running], bool],
    env: dict[str, str] | None = None,
    name: str = "",
    limit: float = 30,
    grace: float = GRACE,
) -> Running:
    """Start `command` in `cwd` and return once `ready` says so.

    `command` is a line for the shell. `env` is laid over `environment.clean()`.
    `name` is the log's. `grace` is how many seconds the command gets to end by itself when it is
    stopped. Raises CourseError if the command ends, or is not ready within `limit` seconds of
    the machine's patience.
    """
    card_folder().mkdir(parents=True, exist_ok=True)
    card = card_folder() / f"{uuid.uuid4().hex[:8]}.json"
    log = card.with_suffix(f".{name or 'process'}.log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-SE", guard.__file__, str(card), str(grace), *_shell(command)],
            cwd=cwd,
            env=environment.clean(**{"PYTHONUNBUFFERED": "1", **(env or {})}),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    tally.started(tally.kind(command.split()))
    facts = {"pid": process.pid, "owner": os.getpid(), "command": command, "name": name}
    card.write_text(json.dumps(facts))
    running = Running(command, log, process, card)
    try:
        until_ready(running, ready, limit)
    finally:
        if not running.is_running:
            card.unlink(missing_ok=True)
    return running


def until_ready(running: Running, ready: Callable[[Running], bool], limit: float) -> None:
    """Return once `ready` says so. Stops it, and raises, if it ends before that or is late."""
    try:
        wait_until(
            lambda: not running.is_running or ready(running),
            limit=limit,
            what=f"the start of `{running.command}`",
            pid=running.guard.pid,
        )
        if not running.is_running:
            raise running.failure("it ended before it was ready")
    except NotYet:
        error = running.failure(f"it was not ready within {limit:g} s")
        running.stop()
        raise error from None
    except BaseException:
        running.stop()
        raise


def _shell(command: str) -> list[str]:
    # exec: a signal to the line is a signal to its one command
    single = not set(";&|") & set(command) and not re.match(r"\s*(exec\s|\w+=)", command)
    return ["/bin/sh", "-c", f"exec {command}" if single else command]


# --- what is ready ----------------------------------------------------------------------


def says(pattern: str) -> Callable[[Running], bool]:
    """Ready when the log says `pattern`."""
    return lambda running: bool(re.search(pattern, running.text()))


def listens(port: int) -> Callable[[Running], bool]:
    """Ready when the command itself listens on `port` of the loopback."""

    return lambda running: holds(running.guard.pid, port)


def holds(pid: int, port: int, below: bool = True) -> bool:
    """Whether a process, or (if `below`) one of its descendants, listens on `port`."""
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *(parent.children(recursive=True) if below else ())):
            for door in process.net_connections("tcp"):
                if door.status == psutil.CONN_LISTEN and door.laddr.port == port:
                    return True
    return False


def is_over(process: psutil.Process) -> bool:
    """Whether a process has ended, whether or not its parent has noticed.

    A killed process is a zombie before its other threads, which hold its ports, have ended.
    """
    try:
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True
