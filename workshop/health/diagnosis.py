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
from workshop.desk import case
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
# lines about what a case of stage 19 makes sick
PART_OF_A_CASE = ("alarms", "workers", "messages")


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
    return Diagnosis(_without_the_answer([_look(at) for at in EVERYTHING]))


def _without_the_answer(findings: list[Finding]) -> list[Finding]:
    """The findings; what may be the fault that the learner looks for is told when asked again."""
    looking = case.current()
    if not looking:
        return findings
    stage, record = looking
    record.doctor_asked += 1
    case.save(stage, record)
    if record.doctor_asked > 1:
        return findings
    return [_held_back(one) if _may_be_the_fault(one) else one for one in findings]


def _may_be_the_fault(one: Finding) -> bool:
    return bool(one.cure) and one.name in PART_OF_A_CASE


def _held_back(one: Finding) -> Finding:
    return Finding(
        one.name,
        "something is wrong here",
        "It may be the fault that you are looking for, so it is not named the first time.",
        "workshop doctor again: the second time, it is named",
    )


def machine_problems(start: bool = False, is_sick: bool = False) -> list[Finding]:
    """What is wrong with the machine itself, so that no work on it could be right.

    `is_sick` is for the stage whose system has a fault: that is not the machine's.
    """
    if start:
        broker.start()
    problems = [found for found in map(_look, VITAL) if found.cure]
    return [one for one in problems if not (is_sick and case.current() and _may_be_the_fault(one))]
