"""Mistakes, and alternative correct solutions, as tests: conftest.py collects them.

Each tests/mistakes/NN_name/MISTAKE/ holds the files that make the mistake, and `mistake.toml`:
the id of the item that must fail, and words from what it reports; `whole = true` if an item of
another file reports it first. Each tests/ways/NN_name/WAY/ holds files that are correct but
written differently, and a `way.toml` that says why.
"""

import tomllib
from functools import cache
from pathlib import Path

import pytest
from kombu import Queue

from workshop import checks, show
from workshop.broker import login
from workshop.broker.node import Broker
from workshop.desk import prepare, stages
from workshop.machine.warm import Warm
from workshop.report import BROKEN, WRONG, Report


class Sample(pytest.File):
    def collect(self):
        name = "is_named" if self.path.name == "mistake.toml" else "passes"
        yield Looked.from_parent(self, name=name)


class Looked(pytest.Function):
    """Run the stage's check on its solution, with the sample's files laid over it."""

    def __init__(self, name: str, parent: Sample):
        super().__init__(name, parent, callobj=is_named if name == "is_named" else passes)

    def _getobj(self):
        return is_named if self.name == "is_named" else passes


def look_at(sample: Path, lay, broker: Broker, warm: Warm, only: tuple[str, ...] = ()) -> Report:
    stage = lay(sample.parent.parent.name)
    for name, file in stages.files_in(sample.parent).items():
        if file != sample:
            (stage.desk / name).write_bytes(
                file.read_bytes().replace(b":5672", f":{broker.port}".encode())
            )
    right = given(stage, sample) if only else ()
    is_script = any(name.endswith(".sh") for name in stage.todo)
    if not is_script:
        prepare.replay(stage, broker)
    before = {} if is_script else learners_queues(broker)
    try:
        found = checks.check(stage, warm=warm, only=only, given=right)
    finally:
        if is_script:
            tidy(broker)
    assert is_script or learners_queues(broker) == before, "a check leaves no queue, no message"
    return found


def learners_queues(broker: Broker) -> dict[str, int]:
    """The learner's queues and their messages, including the queue that any worker makes."""
    with login.connect(broker) as connection:
        Queue("celery")(connection.default_channel).declare()
    return {name: found["total"] for name, found in broker.queues(login.VHOST).items()}


def given(stage: stages.Stage, sample: Path) -> tuple[str, ...]:
    """The items whose files are the solution's: what `only` asks for needs no more proof."""
    ours = stages.files_in(sample.parent)
    items = checks.of(stage).items
    return tuple(item.id for item in items if item.file and item.file not in ours)


def tidy(broker: Broker) -> None:
    """Remove the users, vhosts and permissions that a wrong script left behind."""
    for user in broker.facts("users"):
        if user["name"] not in ("guest", "workshop", login.USER):
            broker.remove("users", user["name"])
    for vhost in broker.facts("vhosts"):
        if vhost["name"] not in ("/", login.VHOST):
            broker.remove("vhosts", vhost["name"])
    broker.remove("permissions", "/", login.USER)
    broker.remove("permissions", login.VHOST, "guest")


def is_named(request, solved, broker, warm, second) -> None:
    sample = request.node.path
    item = tomllib.loads(sample.read_text())["item"]
    if needs_second(sample.parent.parent.name, item):
        second()
    expect_named(sample, solved, broker, warm)


def needs_second(stage: str, *items: str) -> bool:
    """Whether an item, or one that it needs, runs on the second broker."""
    check = checks.of(stages.find(stage))
    return any(item.ahead for item in check.items if item.id in check.needed(*items))


def expect_named(sample: Path, solved, broker: Broker, warm: Warm) -> None:
    """The right item fails, with words that name the mistake; no other item is blamed.

    The item runs with what it needs from the same file. The whole stage runs, too, if that does
    not name the mistake (another item may report it first), and for the first of each stage.
    """
    told = tomllib.loads(sample.read_text())
    if (
        stages.find(sample.parent.parent.name).provides == "vhost"
    ):  # other tests' queues would keep it
        broker.remove("vhosts", login.VHOST)
    whole = told.get("whole", False) or sample == first_of(sample.parent.parent)
    found = look_at(sample, solved, broker, warm, () if whole else (told["item"],))
    if not whole and not names(found, told):
        found = look_at(sample, solved, broker, warm)
    assert names(found, told), str(show.Shown(found))
    hints = [item.hints for item in found.items if item.state in (WRONG, BROKEN)]
    assert [len(one) for one in hints] == [3], "a question, where to look, nearly the answer"


def names(found: Report, told: dict[str, str]) -> bool:
    """Whether only the right item is blamed, with the word that names the mistake."""
    blamed = [item for item in found.items if item.state in (WRONG, BROKEN)]
    return [item.id for item in blamed] == [told["item"]] and told["seen"] in blamed[0].seen


@cache
def first_of(mistakes: Path) -> Path:
    """The first, by name, of the mistakes in a stage's first item."""
    item = checks.of(stages.find(mistakes.name)).items[0].id
    return min(
        file
        for file in mistakes.glob("*/mistake.toml")
        if tomllib.loads(file.read_text())["item"] == item
    )


def passes(request, solved, broker, warm, second) -> None:
    """A correct solution passes, even if it is written differently.

    Checks only the items of the files that differ, without the drill: the rest is the solution's.
    """
    sample = request.node.path
    stage, files = stages.find(sample.parent.parent.name), stages.files_in(sample.parent)
    items = checks.of(stage).items
    only = tuple(item.id for item in items if item.file in files and not item.is_drill)
    if needs_second(stage.name, *only):
        second()
    found = look_at(sample, solved, broker, warm, only)
    assert found.passed, str(show.Shown(found))
