"""What a check found: plain data that is stored, shown and sent on as JSON."""

from dataclasses import asdict, dataclass, field

PASS, NOT_TRIED, WRONG, BROKEN = "pass", "not tried", "wrong", "broken"
#: what blocks an item if the machine is unhealthy, or too busy to tell
MACHINE = "machine"


@dataclass(frozen=True)
class Result:
    """One item of a check. `state` is pass, not tried, wrong or broken.

    `seen` is what was found, `hints` lead on from there: a question, where to look, nearly the
    answer. `todo` is the letter of the exercise that makes the item right, `file` its file; it is
    `untouched` while the learner has changed nothing there. `blocked_by` is the id of the
    item that must be right first, or MACHINE.
    """

    id: str
    title: str
    state: str
    seen: str = ""
    todo: str = ""
    file: str = ""
    hints: tuple[str, ...] = ()
    blocked_by: str = ""
    untouched: bool = False


class Listener:
    """Gets each item while a check is running, and does nothing; subclasses show it."""

    def will_look_at(self, titles: dict[str, str]) -> None:
        """The titles of all items of the check, by their ids."""

    def begins(self, title: str) -> None:
        """The item of this title is looked at now."""

    def found(self, result: Result) -> None:
        """This is what was found."""


@dataclass
class Report:
    """The items of one stage's check; `machine_problems`: with the machine, not with the work.

    `why` says for each TODO, by its letter, why it is done that way, for anyone done. `todo` is
    the letter of the only one that was looked at, or "" for the whole stage.
    """

    stage: str
    items: list[Result]
    machine_problems: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)
    todo: str = ""

    @property
    def passed(self) -> bool:
        return not self.machine_problems and all(item.state == PASS for item in self.items)

    @property
    def titles(self) -> dict[str, str]:
        """The items' titles by their ids."""
        return {item.id: item.title for item in self.items}

    @property
    def right(self) -> int:
        """How many items are right."""
        return sum(item.state == PASS for item in self.items)

    @property
    def first(self) -> Result | None:
        """The first item that is not right, and does not wait for another one."""
        open_ = [item for item in self.items if item.state != PASS]
        return next((item for item in open_ if not item.blocked_by), next(iter(open_), None))

    def as_data(self) -> dict:
        """`{"stage", "items": [a Result's fields], "machine_problems", "why", "todo"}`."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict) -> "Report":
        """The report that `as_data` came from. Raises TypeError or KeyError for other data."""
        items = [Result(**{**item, "hints": tuple(item["hints"])}) for item in data["items"]]
        return cls(
            data["stage"],
            items,
            list(data["machine_problems"]),
            data.get("why", {}),
            data.get("todo", ""),
        )
