"""Stage 19: the fault is named, and the system that runs is well again."""

import time

from workshop.cases import all_cases
from workshop.cases.case import Case
from workshop.cases.system import System, Unwell
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.desk import case
from workshop.machine.patience import NotYet
from workshop.project.project import Project

check = Check(__file__)


def record_of(look: Look) -> case.Record:
    """The record of the fault that is laid out. Raises Wrong if none is."""
    record = case.laid_out(look.stage)
    if not record:
        raise check.wrong("no_fault")
    return record


def fault_of(look: Look) -> Case:
    return all_cases()[record_of(look).fault]


def system_of(look: Look) -> System:
    """The learner's own system, and not a sandbox: its processes are what may be sick."""
    return System(Project(look.stage, look.path, look.broker))


@check.item()
def fault_is_named(look: Look) -> str:
    fault = fault_of(look)
    if not record_of(look).diagnosed:
        raise check.wrong("not_named", hints=fault.hints)
    return fault.name


@check.item()
def complaint_is_gone(look: Look) -> None:
    fault, system = fault_of(look), system_of(look)
    try:
        fault.look(system)
    except (Unwell, NotYet) as seen:
        if not system.runs():
            raise check.wrong("not_running") from None
        if getattr(seen, "tells", False) and not record_of(look).diagnosed:
            raise check.wrong("not_told", hints=fault.hints) from None
        raise check.wrong("still_sick", seen=seen, hints=fault.hints) from None


@check.item(needs=(complaint_is_gone,))
def all_else_works(look: Look) -> None:
    try:
        system_of(look).expect_everything()
    except (Unwell, NotYet) as seen:
        raise check.wrong("something_else", seen=seen) from None


@check.item(needs=(fault_is_named, all_else_works))
def fault_is_cured(look: Look) -> str:
    record = record_of(look)
    record.cured = record.cured or time.time()
    case.save(look.stage, record)
    if record.is_solved:
        return check.says("cured_for_you", name=fault_of(look).cure)
    done = case.cured(look.stage)
    return check.says("cured", count=len(done), of=len(all_cases()), minutes=record.minutes)
