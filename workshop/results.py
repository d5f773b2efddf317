"""What a check found: plain data, that is kept, shown and sent on as JSON."""

from dataclasses import asdict, dataclass, field

PASS, NOT_TRIED, WRONG, BROKEN = "pass", "not tried", "wrong", "broken"


@dataclass(frozen=True)
class Result:
    """One item of a check. `state` is pass, not tried, wrong or broken.

    `hint` is what was seen, `steps` the hints for it: a question, where to look, nearly the
    answer. `todo` is the letter of the exercise that makes the item right, `file` where.
    """

    name: str
    state: str
    hint: str = ""
    todo: str = ""
    file: str = ""
    steps: tuple[str, ...] = ()


class Listener:
    """Hears of each item while a check goes on, and does nothing; others show it."""

    def begins(self, name: str) -> None:
        """The item of this name is looked at now."""

    def found(self, result: Result) -> None:
        """This is what was found."""


@dataclass
class Report:
    """All items of one stage's check; `ill` is what is wrong with the machine, not the work."""

    stage: str
    items: list[Result]
    ill: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.ill and all(item.state == PASS for item in self.items)

    @property
    def right(self) -> int:
        """How many items are right."""
        return sum(item.state == PASS for item in self.items)

    @property
    def first(self) -> Result | None:
        """The first item that is not right."""
        return next((item for item in self.items if item.state != PASS), None)

    def as_data(self) -> dict:
        """`{"stage", "items": [{"name", "state", "hint", "todo", "file", "steps"}], "ill"}`."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: dict) -> "Report":
        """The report that `as_data` came from. Raises TypeError or KeyError for other data."""
        items = [Result(**{**item, "steps": tuple(item["steps"])}) for item in data["items"]]
        return cls(data["stage"], items, list(data["ill"]))
