"""The facts that make a stage right, one module per stage, each fact with its hints.

A module holds a `Check` and its items: functions that look at the running system through
a `Look` and return if the fact is true (with what was measured, if they say more than that), or
raise `Wrong` with what was seen.
"""

import importlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from workshop.checks.content import Content, common
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.desk.stages import Stage
from workshop.errors import CourseError
from workshop.health import diagnosis
from workshop.health.finding import Finding
from workshop.machine.patience import Busy
from workshop.machine.warm import Warm
from workshop.project.probe import Trouble
from workshop.report import BROKEN, MACHINE, NOT_TRIED, PASS, WRONG, Listener, Report, Result


@dataclass(frozen=True)
class Item:
    """One fact. `todo` is the letter of the exercise that makes it true, `file` the file to edit.

    `id` is the name of the function that looks. `title` and `hints` (a question, where to look,
    nearly the answer) are content: they are in the `.toml` next to the module.
    """

    id: str
    title: str
    hints: tuple[str, ...]
    look: Callable[[Look], str | None]
    todo: str
    file: str
    needs: tuple[str, ...]
    ahead: Callable[[Look], None] | None
    is_drill: bool

    def result(self, state: str, seen: str = "", **more) -> Result:
        facts = {"todo": self.todo, "file": self.file, "hints": self.hints, **more}
        return Result(self.id, self.title, state, seen, **facts)

    def blocked(self, by: str) -> Result:
        """The result if it is not looked at: the item of this id, or MACHINE, blocks it."""
        return self.result(NOT_TRIED, blocked_by=by)


class Check:
    """The items of a stage, in the order in which they are looked at."""

    def __init__(self, file: str):
        """`file` is the module's; the text that a learner reads is next to it."""
        self.content = Content(file)
        self.says, self.wrong = self.content.says, self.content.wrong
        self.first_wrong = self.content.first_wrong
        self.items: list[Item] = []

    def item(
        self,
        *,
        todo: str = "",
        file: str = "",
        needs: tuple[Callable, ...] = (),
        ahead: Callable[[Look], None] | None = None,
        is_drill: bool = False,
    ):
        """Register a function as an item. `needs` are the items that must pass first.

        `ahead` starts slow work in the background, as soon as another item is right.
        `is_drill` marks a run of the whole stage, after each of its parts has passed by itself.
        """

        def register(look: Callable[[Look], str | None]):
            title, hints = self.content.item(look.__name__)
            first = tuple(one.__name__ for one in needs)
            self.items.append(
                Item(look.__name__, title, hints, look, todo, file, first, ahead, is_drill)
            )
            return look

        return register

    def of_todo(self, letter: str) -> tuple[str, ...]:
        """The ids of the items that a TODO makes right; without a letter, of all items."""
        found = tuple(item.id for item in self.items if letter in ("", item.todo))
        if not found:
            letters = sorted({item.todo for item in self.items} - {""})
            raise CourseError(
                f"there is no TODO {letter!r} here: the letters are {', '.join(letters)}.",
                "without a letter, the whole stage is checked",
            )
        return found

    def needed(self, *ids: str) -> set[str]:
        """These items and all that they need, directly or not."""
        found, rest = set(), list(ids)
        while rest:
            one = rest.pop()
            if one not in found:
                found.add(one)
                rest += next(item for item in self.items if item.id == one).needs
        return found

    def run(
        self,
        look: Look,
        only: tuple[str, ...] = (),
        listener: Listener | None = None,
        given: tuple[str, ...] = (),
    ) -> list[Result]:
        """Look at every item; one that needs a failed one is not tried.

        `only` are ids of items: then only they and what they need are looked at, except for what
        is known to be right, `given`. A problem that blocks several items is reported only
        once, at the first. If the machine is too busy to tell, the rest is not looked at, and
        `look.busy` says so.
        """
        wanted = self.needed(*only) if only else {item.id for item in self.items}
        listener = listener or Listener()
        listener.will_look_at({item.id: item.title for item in self.items})
        going = _CheckRun(self.items, look, listener)
        for item in self.items:
            if item.id not in wanted:
                continue
            if item.id in given:
                going.results[item.id] = item.result(PASS)
            elif going.now_at(item).state == PASS:
                for later in self.items:
                    if later.ahead and later.id in wanted:
                        later.ahead(look)
        return list(going.results.values())


class _CheckRun:
    """A check in progress: what is known, what was reported already, which later item is blamed."""

    def __init__(self, items: list[Item], look: Look, listener: Listener):
        self.items, self.look, self.listener = items, look, listener
        self.results: dict[str, Result] = {}
        self._told: dict[str, str] = {}
        self._held: dict[str, Result] = {}

    def now_at(self, item: Item) -> Result:
        """Look at an item, unless something blocks it, and report what is found."""
        missing = [one for one in item.needs if self.results[one].state != PASS]
        if self.look.busy:
            found = item.blocked(MACHINE)
        elif item.id in self._held:
            found = self._held[item.id]
        elif missing:
            found = item.blocked(missing[0])
        else:
            self.listener.begins(item.title)
            found = self._looked_at(item)
        self.results[item.id] = found
        self.listener.found(found)
        return found

    def _looked_at(self, item: Item) -> Result:
        try:
            found, where = _result(item, self.look)
        except Busy as busy:
            self.look.busy = busy
            return item.blocked(MACHINE)
        if found.state in (WRONG, BROKEN):
            first = self._told.setdefault(found.seen, item.id)
            later = self._owner(where, item)
            if later:  # the file to blame belongs to another item
                hints = later.hints if found.hints == item.hints else found.hints
                self._held[later.id] = later.result(found.state, found.seen, hints=hints)
                first = self._told[found.seen] = later.id
            if first != item.id:
                return item.blocked(first)
        return found

    def _owner(self, where: str, item: Item) -> Item | None:
        """The item, not looked at yet, whose file is named in `where`."""
        file = where.split(",")[0]
        if not file or file == item.file:
            return None
        found = next((other for other in self.items if other.file == file), None)
        return found if found and found.id not in self.results else None


def _result(item: Item, look: Look) -> tuple[Result, str]:
    """Look at an item; return its result, and which of the learner's files to blame, if known."""
    try:
        note = item.look(look)
    except Wrong as wrong:
        if item.todo and look.is_untouched(item.file, item.todo):
            return item.result(NOT_TRIED, str(wrong), untouched=True), ""
        return item.result(WRONG, str(wrong), hints=wrong.hints or item.hints), wrong.where
    except Trouble as trouble:
        hints = tuple(trouble.hints) or common.hints("raised")
        return item.result(BROKEN, str(trouble), hints=hints), trouble.where
    except Busy:
        raise
    except CourseError as error:
        return item.result(BROKEN, str(error)), ""
    except Exception as error:  # the course's own fault: report it as such, never as a traceback
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
    todo: str = "",
) -> Report:
    """Look at the stage as it is now, starting and stopping what that needs.

    `only` are ids of items: then they and what they need are looked at, except for `given`; the
    letter of a TODO means its items. If the machine itself is unhealthy, or too busy to tell, the
    report says so, and does not blame the learner's work.
    """
    if todo:
        only = of(stage).of_todo(todo)
    with ExitStack() as stack:
        if look is None:
            # its first job waits for the libraries; in the meantime, look at the machine
            warm = warm or stack.enter_context(Warm())
            problems = diagnosis.machine_problems(start=True, is_sick=stage.is_sick)
            if problems:
                return _not_looked_at(stage, problems, todo)
            look = stack.enter_context(Look(stage, warm=warm))
        results = of(stage).run(look, only, listener, given)
        if look.busy:
            return Report(stage.name, results, [str(look.busy)], todo=todo)
        if any(result.state != PASS for result in results):
            problems = diagnosis.machine_problems(is_sick=stage.is_sick)
            if problems:
                return _not_looked_at(stage, problems, todo)
        why = {
            letter: said for letter, said in of(stage).content.why.items() if todo in ("", letter)
        }
        return Report(stage.name, results, why=why, todo=todo)


def _not_looked_at(stage: Stage, problems: list[Finding], todo: str) -> Report:
    words = [
        f"something is wrong with this machine, not with your work. {finding.name}: "
        f"{finding.found}\n→ {finding.cure}"
        for finding in problems
    ]
    items = [item.blocked(MACHINE) for item in of(stage).items if todo in ("", item.todo)]
    return Report(stage.name, items, words, todo=todo)
