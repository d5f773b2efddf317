"""The facts that make a stage right, one module a stage, each fact with its hints.

A module holds a `Check` and its items: functions that look at the running system through
a `Look` and return when the fact is there (what was measured, if they say more than that), or
raise `Wrong` with what was seen.
"""

import importlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from workshop import diagnosis
from workshop.checks.look import Look, Wrong
from workshop.errors import CourseError
from workshop.probe import Trouble
from workshop.results import BROKEN, NOT_TRIED, PASS, WRONG, Report, Result
from workshop.stages import Stage
from workshop.warm import Warm

__all__ = ["Check", "Item", "Wrong", "check"]

# for a file that Python could not run, whatever it was to do
OF_TROUBLE = (
    "Python could not run your file. Which line does it name, and what does it say of it?",
    "Read that line, and the one above it: brackets, quotes, the colon, the spelling of names. "
    "The last line of what Python says is the cause.",
    "`workshop diff` shows your file beside the solution, line by line.",
)


@dataclass(frozen=True)
class Item:
    """One fact. `todo` is the letter of the exercise that makes it true, `file` where.

    `hints` are a question, where to look, and nearly the answer.
    """

    name: str
    look: Callable[[Look], str | None]
    todo: str = ""
    file: str = ""
    needs: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    def result(self, state: str, hint: str = "", steps: tuple[str, ...] = ()) -> Result:
        return Result(self.name, state, hint, self.todo, self.file, steps or self.hints)


@dataclass
class Check:
    """The items of a stage, in the order in which they are looked at."""

    items: list[Item] = field(default_factory=list)

    def item(
        self,
        name: str,
        *,
        todo: str = "",
        file: str = "",
        needs: tuple[str, ...] = (),
        hints: tuple[str, str, str],
    ):
        """Register a function as an item. `needs` names items that must pass first."""

        def register(look: Callable[[Look], str | None]):
            self.items.append(Item(name, look, todo, file, needs, hints))
            return look

        return register

    def run(self, look: Look) -> list[Result]:
        """Look at every item; one that needs a failed one is not tried."""
        results: dict[str, Result] = {}
        for item in self.items:
            missing = [name for name in item.needs if results[name].state != PASS]
            if missing:
                results[item.name] = item.result(NOT_TRIED, f"first: {missing[0]}")
            else:
                results[item.name] = _result(item, look)
        return list(results.values())


def _result(item: Item, look: Look) -> Result:
    try:
        note = item.look(look)
    except Wrong as wrong:
        if item.todo and look.is_untouched(item.file):
            return item.result(NOT_TRIED, f"TODO {item.todo} in {item.file}: {wrong}")
        return item.result(WRONG, str(wrong), wrong.hints)
    except Trouble as trouble:
        return item.result(BROKEN, str(trouble), OF_TROUBLE)
    except CourseError as error:
        return item.result(BROKEN, str(error))
    except Exception as error:  # the course's own fault: said as such, never a traceback
        return item.result(
            BROKEN,
            f"the check itself failed, not your work: {type(error).__name__}: {error}",
        )
    return item.result(PASS, note or "")


def of(stage: Stage) -> Check:
    """The check of a stage."""
    return importlib.import_module(f"workshop.checks.s{stage.name}").check


def check(stage: Stage, look: Look | None = None, warm: Warm | None = None) -> Report:
    """Look at the stage as it stands, starting and stopping what that needs.

    Where the machine itself is ill, the report says so, and blames no work for it.
    """
    with ExitStack() as stack:
        if look is None:
            ill = diagnosis.ill(start=True)
            if ill:
                return _not_looked_at(stage, ill)
            look = stack.enter_context(Look(stage, warm=warm))
        results = of(stage).run(look)
        if any(result.state != PASS for result in results):
            ill = diagnosis.ill()
            if ill:
                return _not_looked_at(stage, ill)
        return Report(stage.name, results)


def _not_looked_at(stage: Stage, ill: list[diagnosis.Finding]) -> Report:
    words = [f"{finding.name}: {finding.found}\n→ {finding.cure}" for finding in ill]
    items = [item.result(NOT_TRIED, "first: the machine") for item in of(stage).items]
    return Report(stage.name, items, words)
