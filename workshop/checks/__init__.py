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
from workshop.patience import Busy, NotYet
from workshop.probe import Trouble
from workshop.results import BROKEN, NOT_TRIED, PASS, WRONG, Listener, Report, Result
from workshop.stages import Stage
from workshop.warm import Warm

__all__ = ["Check", "Item", "Wrong", "check"]

# for code that ended with an error, whatever it was to do
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
    ahead: Callable[[Look], None] | None = None
    is_drill: bool = False

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
        ahead: Callable[[Look], None] | None = None,
        is_drill: bool = False,
    ):
        """Register a function as an item. `needs` names items that must pass first.

        `ahead` begins what takes long in the background, as soon as another item is right.
        `is_drill` marks the stage as a whole at work, which each of its parts is proven for before.
        """

        def register(look: Callable[[Look], str | None]):
            self.items.append(Item(name, look, todo, file, needs, hints, ahead, is_drill))
            return look

        return register

    def needed(self, *names: str) -> set[str]:
        """The items of these names and all that they need, directly or not."""
        found, rest = set(), list(names)
        while rest:
            one = rest.pop()
            if one not in found:
                found.add(one)
                rest += next(item for item in self.items if item.name == one).needs
        return found

    def run(
        self,
        look: Look,
        only: tuple[str, ...] = (),
        listener: Listener | None = None,
        given: tuple[str, ...] = (),
    ) -> list[Result]:
        """Look at every item; one that needs a failed one is not tried.

        `only` names items: then they and what they need are all that is looked at, less what is
        known to be right, and `given`. What keeps several items from being looked at is told
        once, at the first. Where the machine is too busy to tell, the rest is not looked at, and
        `look.busy` says so.
        """
        results: dict[str, Result] = {}
        told: dict[str, str] = {}
        held: dict[str, Result] = {}
        wanted = self.needed(*only) if only else {item.name for item in self.items}
        listener = listener or Listener()
        for item in self.items:
            if item.name not in wanted:
                continue
            if item.name in given:
                results[item.name] = item.result(PASS)
                continue
            missing = [name for name in item.needs if results[name].state != PASS]
            if look.busy:
                results[item.name] = item.result(NOT_TRIED, "first: the machine")
            elif item.name in held:
                results[item.name] = held[item.name]
            elif missing:
                results[item.name] = item.result(NOT_TRIED, f"first: {missing[0]}")
            else:
                listener.begins(item.name)
                results[item.name] = self._looked_at(item, look, results, told, held)
            listener.found(results[item.name])
            if results[item.name].state == PASS:
                for later in self.items:
                    if later.ahead and later.name in wanted:
                        later.ahead(look)
        return list(results.values())

    def _looked_at(self, item: Item, look: Look, results: dict, told: dict, held: dict) -> Result:
        try:
            found, where = _result(item, look)
        except Busy as busy:
            look.busy = busy
            return item.result(NOT_TRIED, "first: the machine")
        if found.state in (WRONG, BROKEN):
            first = told.setdefault(found.hint, item.name)
            later = self._owner(where, item, results)
            if later:  # the file that is to blame is another item's
                steps = () if found.steps == item.hints else found.steps
                held[later.name] = later.result(found.state, found.hint, steps)
                first = told[found.hint] = later.name
            if first != item.name:
                return item.result(NOT_TRIED, f"first: {first}")
        return found

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
        return item.result(BROKEN, str(trouble), tuple(trouble.hints) or OF_TROUBLE), trouble.where
    except Busy:
        raise
    except NotYet as error:
        return item.result(BROKEN, str(error)), ""
    except CourseError as error:
        return item.result(BROKEN, str(error)), ""
    except Exception as error:  # the course's own fault: said as such, never a traceback
        said = f"{type(error).__name__}: {error}"
        return item.result(BROKEN, f"the check itself failed, not your work: {said}"), ""
    return item.result(PASS, note or ""), ""


def of(stage: Stage) -> Check:
    """The check of a stage."""
    return importlib.import_module(f"workshop.checks.s{stage.name}").check


def check(
    stage: Stage,
    look: Look | None = None,
    warm: Warm | None = None,
    only: tuple[str, ...] = (),
    listener: Listener | None = None,
    given: tuple[str, ...] = (),
) -> Report:
    """Look at the stage as it stands, starting and stopping what that needs.

    `only` names items: then they and what they need are looked at, less what is `given`. Where
    the machine itself is ill, or too busy to tell, the report says so, and blames no work for it.
    """
    with ExitStack() as stack:
        if look is None:
            # the first of its jobs waits for the libraries; meanwhile the machine is looked at
            warm = warm or stack.enter_context(Warm())
            ill = diagnosis.ill(start=True)
            if ill:
                return _not_looked_at(stage, ill)
            look = stack.enter_context(Look(stage, warm=warm))
        results = of(stage).run(look, only, listener, given)
        if look.busy:
            return Report(stage.name, results, [str(look.busy)])
        if any(result.state != PASS for result in results):
            ill = diagnosis.ill()
            if ill:
                return _not_looked_at(stage, ill)
        return Report(stage.name, results)


def _not_looked_at(stage: Stage, ill: list[diagnosis.Finding]) -> Report:
    words = [
        f"something is wrong with this machine, not with your work. {finding.name}: "
        f"{finding.found}\n→ {finding.cure}"
        for finding in ill
    ]
    items = [item.result(NOT_TRIED, "first: the machine") for item in of(stage).items]
    return Report(stage.name, items, words)
