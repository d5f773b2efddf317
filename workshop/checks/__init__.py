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
    "Your code raised an error. Which line does it name, and what does Python say about it?",
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
        """Look at every item; one that needs a failed one is not tried.

        What keeps several items from being looked at is told once, at the first.
        """
        results: dict[str, Result] = {}
        told: dict[str, str] = {}
        held: dict[str, Result] = {}
        for item in self.items:
            missing = [name for name in item.needs if results[name].state != PASS]
            if item.name in held:
                results[item.name] = held[item.name]
                continue
            if missing:
                results[item.name] = item.result(NOT_TRIED, f"first: {missing[0]}")
                continue
            found, where = _result(item, look)
            if found.state in (WRONG, BROKEN):
                first = told.setdefault(found.hint, item.name)
                later = self._owner(where, item, results)
                if later:  # the file that is to blame is another item's
                    steps = () if found.steps == item.hints else found.steps
                    held[later.name] = later.result(found.state, found.hint, steps)
                    first = told[found.hint] = later.name
                if first != item.name:
                    found = item.result(NOT_TRIED, f"first: {first}")
            results[item.name] = found
        return list(results.values())

    def _owner(self, where: str, item: Item, results: dict[str, Result]) -> Item | None:
        """The item, not looked at yet, whose file is the one in `where`."""
        file = where.split(",")[0]
        if not file or file == item.file:
            return None
        found = next((other for other in self.items if other.file == file), None)
        return found if found and found.name not in results else None


def _result(item: Item, look: Look) -> tuple[Result, str]:
    """What is found of an item; and which of the learner's files is to blame, where known."""
    try:
        note = item.look(look)
    except Wrong as wrong:
        if item.todo and look.is_untouched(item.file):
            seen = f"TODO {item.todo} in {item.file}: {wrong}"
            return item.result(NOT_TRIED, seen), ""
        return item.result(WRONG, str(wrong), wrong.hints), wrong.where
    except Trouble as trouble:
        return item.result(BROKEN, str(trouble), OF_TROUBLE), trouble.where
    except CourseError as error:
        return item.result(BROKEN, str(error)), ""
    except Exception as error:  # the course's own fault: said as such, never a traceback
        said = f"{type(error).__name__}: {error}"
        return item.result(BROKEN, f"the check itself failed, not your work: {said}"), ""
    return item.result(PASS, note or ""), ""


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
