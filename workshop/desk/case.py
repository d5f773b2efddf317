"""Which fault a sick system has, and how far the learner is in finding it.

The record is next to the folder in which the system is laid out.
"""

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from workshop.desk import progress
from workshop.desk.stages import Stage
from workshop.machine.files import write_whole


@dataclass
class Record:
    """A fault that is laid out: its number, and when (as `time.time()`) what happened."""

    fault: int
    begun: float
    diagnosed: float = 0  # 0: not yet
    cured: float = 0
    guesses: int = 0  # wrong ones
    doctor_asked: int = 0  # how often
    is_chosen: bool = False  # by its number
    is_solved: bool = False  # the course has cured it
    is_on_broker: bool = True  # whether it may have changed the broker

    @property
    def minutes(self) -> str:
        """How long the diagnosis and the cure took."""
        found, well = ((at - self.begun) / 60 for at in (self.diagnosed, self.cured))
        return f"found after {found:.0f} min, cured after {well:.0f}"


def _file(stage: Stage) -> Path:
    return stage.path.with_name(f".{stage.name}.case.json")


def laid_out(stage: Stage) -> Record | None:
    """The record of the fault that is laid out, if one is."""
    if not stage.is_sick:
        return None
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Record(**json.loads(_file(stage).read_text()))
    return None


def forget(stage: Stage) -> None:
    """The system with this fault is gone."""
    _file(stage).unlink(missing_ok=True)


def save(stage: Stage, record: Record) -> None:
    """Save it; one that the learner has cured is also listed with their progress."""
    write_whole(_file(stage), json.dumps(asdict(record)))
    if record.cured and not record.is_solved:
        with progress.record(stage) as facts:
            facts.setdefault("cured", {})[str(record.fault)] = record.minutes


def lay_out(stage: Stage, fault: int, is_chosen: bool = False) -> Record:
    """Begin the record of a fault. What was noted of the one before it is about another system."""
    record = Record(fault, time.time(), is_chosen=is_chosen)
    save(stage, record)
    progress.record_relaid(stage, solved=False)
    return record


def cured(stage: Stage) -> dict[int, str]:
    """The faults that were cured, and how long each of them took."""
    found = progress.read().get(stage.name, {}).get("cured", {})
    return {int(number): minutes for number, minutes in found.items()}


def current() -> tuple[Stage, Record] | None:
    """The stage at which the learner is, if it has a fault that is not cured yet."""
    stage = progress.last_begun()
    record = laid_out(stage) if stage else None
    return (stage, record) if stage and record and not record.cured else None
