"""A shell script of the learner's, run as they would run it."""

import re
import subprocess
from dataclasses import dataclass

from workshop.causes import likely_cause
from workshop.checks.content import common
from workshop.checks.look import Look
from workshop.machine import environment
from workshop.machine.patience import NotYet, run_through

SCRIPT_LIMIT = 30  # each rabbitmqctl in a script takes half a second


@dataclass(frozen=True)
class Ran:
    """How a script ended: its exit status and its output."""

    code: int
    said: str

    @property
    def last(self) -> str:
        """The lines that mention an error, or the last ones if none does."""
        plain = re.sub(r"\x1b\[[0-9;]*m", "", self.said)
        lines = [line.strip() for line in plain.splitlines() if line.strip()]
        first = next(
            (n for n, line in enumerate(lines) if re.search("(?i)error|not found", line)),
            max(0, len(lines) - 2),
        )
        if not lines:
            return "It said nothing."
        cause = likely_cause(lines[first])
        count = 3 if lines[first] == "Error:" else 2
        return f"It said: {' '.join(lines[first:][:count])}" + (
            f" ({'; '.join(cause)})" if cause else ""
        )

    @property
    def end(self) -> str:
        """What it said last, for when the script expects the earlier error."""
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        return f"It said: {' '.join(lines[-2:])}" if lines else "It said nothing."


def run_script(look: Look, name: str) -> Ran:
    """Run a shell script of the learner's, with a `rabbitmqctl` that talks to their broker."""
    look.needs_file(name)
    try:
        done = run_through(
            ["sh", name],
            limit=SCRIPT_LIMIT,
            cwd=look.path,
            env=environment.clean(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except NotYet:
        return Ran(124, f"(it was still running after {SCRIPT_LIMIT} s)")
    stops = re.search(
        r"rabbitmqctl\b.*\s(stop|stop_app|shutdown|reset|force_reset)\b", look.read(name)
    )
    if look.broker.start() and stops:
        raise common.wrong("stops_the_broker", command=stops[1])
    return Ran(done.returncode, done.stdout)
