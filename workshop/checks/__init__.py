"""The facts that make a stage right, one module a stage, each fact with its hint.

A module holds a `Check` and its items: functions that look at the running system through
a `Look` and return when the fact is there (what was measured, if they say more than that), or
raise `Wrong` with a hint.
"""

import importlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field

from workshop.checks.look import Look, Wrong
from workshop.errors import CourseError
from workshop.probe import Trouble
from workshop.stages import Stage

__all__ = ["Check", "Item", "Report", "Result", "Wrong", "check"]

PASS, NOT_TRIED, WRONG, BROKEN = "pass", "not tried", "wrong", "broken"


@dataclass(frozen=True)
class Item:
    """One fact. `todo` is the letter of the exercise that makes it true, `file` where."""

    name: str
    look: Callable[[Look], str | None]
    todo: str = ""
    file: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What was found: `state` is pass, not tried, wrong or broken."""

    name: str
    state: str
    hint: str = ""


@dataclass
class Report:
    """All items of one stage's check."""

    stage: str
    items: list[Result]

    @property
    def passed(self) -> bool:
        return all(item.state == PASS for item in self.items)

    def as_data(self) -> dict:
        """`{"stage", "items": [{"name", "state", "hint"}]}`."""
        return asdict(self)


@dataclass
class Check:
    """The items of a stage, in the order in which they are looked at."""

    items: list[Item] = field(default_factory=list)

    def item(self, name: str, *, todo: str = "", file: str = "", needs: tuple[str, ...] = ()):
        """Register a function as an item. `needs` names items that must pass first."""

        def register(look: Callable[[Look], str | None]):
            self.items.append(Item(name, look, todo, file, needs))
            return look

        return register

    def run(self, look: Look) -> list[Result]:
        """Look at every item; one that needs a failed one is not tried."""
        results: dict[str, Result] = {}
        for item in self.items:
            missing = [name for name in item.needs if results[name].state != PASS]
            if missing:
                results[item.name] = Result(item.name, NOT_TRIED, f"first: {missing[0]}")
            else:
                results[item.name] = _result(item, look)
        return list(results.values())


def _result(item: Item, look: Look) -> Result:
    try:
        note = item.look(look)
    except Wrong as wrong:
        if item.todo and look.is_untouched(item.file):
            return Result(item.name, NOT_TRIED, f"TODO {item.todo} in {item.file}: {wrong}")
        return Result(item.name, WRONG, str(wrong))
    except Trouble as trouble:
        return Result(item.name, BROKEN, str(trouble))
    except CourseError as error:
        return Result(item.name, BROKEN, str(error))
    except Exception as error:  # the course's own fault: said as such, never a traceback
        return Result(
            item.name,
            BROKEN,
            f"the check itself failed, not your work: {type(error).__name__}: {error}",
        )
    return Result(item.name, PASS, note or "")


def of(stage: Stage) -> Check:
    """The check of a stage."""
    return importlib.import_module(f"workshop.checks.s{stage.name}").check


def check(stage: Stage, look: Look | None = None) -> Report:
    """Look at the stage as it stands, starting and stopping what that needs."""
    with ExitStack() as stack:
        look = look or stack.enter_context(Look(stage))
        return Report(stage.name, of(stage).run(look))
