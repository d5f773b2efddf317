"""Is this machine ready? Each fact is checked now; each problem comes with a reason and a cure."""

import contextlib
from collections.abc import Callable
from dataclasses import asdict

import httpx
import psutil
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from workshop.broker.node import Broker, exclusive_check
from workshop.errors import CourseError
from workshop.health import broker, course, machine, variables, workers
from workshop.health.finding import Finding
from workshop.show import GREEN, GREY, RED, Answer

MACHINE = (
    machine.python,
    machine.packages,
    machine.line_ends,
    machine.kernel,
    machine.names,
    variables.environment,
    variables.shell,
    machine.pool,
    machine.disk,
    machine.load,
    machine.limits,
)
BROKER = (
    broker.rabbitmq,
    broker.node,
    broker.versions,
    broker.ports,
    broker.loopback,
    broker.epmd,
    broker.alarms,
)
COURSE = (course.rights, workers.running_workers, workers.waiting, course.leftovers)
EVERYTHING: tuple[Callable[[], Finding], ...] = (*MACHINE, *BROKER, *COURSE)
# without these, none of the learner's work can be right
VITAL = (
    machine.line_ends,
    machine.names,
    variables.environment,
    machine.pool,
    machine.disk,
    broker.node,
    broker.alarms,
)


class Diagnosis(Answer):
    """All findings, as lines."""

    def __init__(self, findings: list[Finding]):
        self.findings = findings
        parts: list[RenderableType] = []
        for one in findings:
            mark, color = ("✗", RED) if one.cure else ("✓", GREEN)
            parts.append(Text.assemble((mark, color), f" {one.name:<10} {one.found}"))
            if one.cure:
                parts.append(Padding(Text(one.why, GREY), (0, 0, 0, 13)))
                parts.append(Padding(Text(f"→ {one.cure}"), (0, 0, 0, 13)))
        super().__init__(*parts, right=not any(one.cure for one in findings))

    def as_data(self) -> list[dict]:
        """`[{"name", "found", "why", "cure"}]`."""
        return [asdict(one) for one in self.findings]


def _look(at: Callable[[], Finding]) -> Finding:
    try:
        return at()
    except psutil.AccessDenied as error:
        return Finding(
            at.__name__,
            f"process {error.pid} is another user's",
            "So this line cannot be checked.",
            "as that user, or with sudo: make stop; then make lab",
        )
    except Exception as error:  # one look that fails is no reason to hide the others
        return Finding(
            at.__name__,
            f"could not be checked: {type(error).__name__}: {error}",
            "So this line cannot be checked.",
            "make stop; make lab; make doctor",
        )


def doctor() -> Diagnosis:
    """Start the broker if that can be done, look at everything, and say what was found."""
    broker.start()
    silent = (OSError, CourseError, httpx.HTTPStatusError)  # a broker that does not answer
    with contextlib.suppress(*silent), exclusive_check(Broker(), wait=False):
        pass
    return Diagnosis([_look(at) for at in EVERYTHING])


def machine_problems(start: bool = False) -> list[Finding]:
    """What is wrong with the machine itself, so that no work on it could be right."""
    if start:
        broker.start()
    return [found for found in map(_look, VITAL) if found.cure]
