"""What the tests of checks share: a broker, a learner's empty desk; and mistakes as tests.

Each tests/mistakes/NN_name/MISTAKE/ holds the files that make the mistake, and `mistake.toml`:
the item that must fail, and a word of its hint. Each tests/ways/NN_name/WAY/ holds files that
are right, though written differently, and `way.toml` says why.
"""

import contextlib
import shutil
import tomllib
from pathlib import Path

import pytest

from workshop import checks, report, setting, stages
from workshop.broker import Broker
from workshop.results import BROKEN, WRONG, Report
from workshop.warm import Warm


@pytest.fixture(scope="session")
def broker():
    """The node that all tests of this process share."""
    broker = Broker()
    broker.start()
    return broker


@pytest.fixture
def learner(monkeypatch, broker):
    """The learner's desk, empty, and this process as if in a Lab terminal."""
    monkeypatch.delenv("WORKSHOP_SOLVED", raising=False)
    broker.start()
    setting.enter(broker)
    clear()
    yield
    clear()


@pytest.fixture
def no_queues(broker):
    """The learner's vhost without what other tests and notebooks left in it."""
    for name in broker.queues(setting.VHOST):
        broker.remove("queues", setting.VHOST, name)


def clear() -> None:
    for stage in stages.all_stages():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(stage.desk)


@pytest.fixture
def solved(learner):
    """A function: lay out a stage that the learner has finished."""

    def lay(number: str) -> stages.Stage:
        stage = stages.find(number)
        stages.solve(stage, port=Broker().port)
        return stage

    return lay


# --- mistakes, and other right ways ------------------------------------------------------------


@pytest.fixture(scope="session")
def warm():
    """Python with the libraries imported, for the checks of a whole session."""
    with Warm() as warm:
        yield warm


def pytest_collect_file(file_path: Path, parent: pytest.Collector):
    """A file of its own for each, so that they spread over the processes of a run."""
    if file_path.name in ("mistake.toml", "way.toml"):
        return Sample.from_parent(parent, path=file_path)
    return None


class Sample(pytest.File):
    def collect(self):
        name = "is_named" if self.path.name == "mistake.toml" else "passes"
        yield Looked.from_parent(self, name=name)


class Looked(pytest.Function):
    """The check of the stage on its solution with the sample's files laid over it."""

    def __init__(self, name: str, parent: Sample):
        super().__init__(name, parent, callobj=is_named if name == "is_named" else passes)

    def _getobj(self):
        return is_named if self.name == "is_named" else passes


def look_at(sample: Path, lay, broker: Broker, warm: Warm) -> Report:
    stage = lay(sample.parent.parent.name)
    for name, file in stages.files_in(sample.parent).items():
        if file != sample:
            (stage.desk / name).write_bytes(
                file.read_bytes().replace(b":5672", f":{broker.port}".encode())
            )
    try:
        return checks.check(stage, warm=warm)
    finally:
        tidy(broker)


def tidy(broker: Broker) -> None:
    """Take away the users, vhosts and rights that a wrong script left."""
    for user in broker.facts("users"):
        if user["name"] not in ("guest", "workshop", setting.USER):
            broker.remove("users", user["name"])
    for vhost in broker.facts("vhosts"):
        if vhost["name"] not in ("/", setting.VHOST):
            broker.remove("vhosts", vhost["name"])
    broker.remove("permissions", "/", setting.USER)
    broker.remove("permissions", setting.VHOST, "guest")


def is_named(request, solved, broker, warm) -> None:
    """The right item fails, with a hint that speaks of the mistake; no other is blamed."""
    sample = request.node.path
    told = tomllib.loads(sample.read_text())
    if sample.parent.parent.name == "02_vhost":  # other tests' queues would keep it in place
        broker.remove("vhosts", setting.VHOST)
    found = look_at(sample, solved, broker, warm)
    said = str(report.Shown(found))
    blamed = [item for item in found.items if item.state in (WRONG, BROKEN)]
    assert [item.name for item in blamed] == [told["item"]], said
    assert told["hint"] in blamed[0].hint, said
    assert len(blamed[0].steps) == 3, "a question, where to look, nearly the answer"


def passes(request, solved, broker, warm) -> None:
    """What is right, though written differently, passes."""
    found = look_at(request.node.path, solved, broker, warm)
    assert found.passed, str(report.Shown(found))
