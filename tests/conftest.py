"""What the tests of checks share: a broker, a learner's empty desk, a warm Python."""

import contextlib
import shutil
from pathlib import Path

import pytest
from samples import Sample

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.broker.spare import second_broker
from workshop.desk import prepare, stages
from workshop.machine.warm import Warm


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
    prepare.enter(broker)
    clear()
    yield
    clear()


@pytest.fixture
def no_queues(broker):
    """The learner's vhost without what other tests and notebooks left in it."""
    for name in broker.queues(login.VHOST):
        broker.remove("queues", login.VHOST, name)


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


@pytest.fixture(scope="session")
def warm():
    """Python with the libraries imported, for the checks of a whole session."""
    with Warm() as warm:
        yield warm


@pytest.fixture(scope="session")
def second():
    """A function: start the second broker of this process, for all tests that come after."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(second_broker())


def pytest_collect_file(file_path: Path, parent: pytest.Collector):
    """A file of its own for each, so that they spread over the processes of a run."""
    if file_path.name in ("mistake.toml", "way.toml"):
        return Sample.from_parent(parent, path=file_path)
    return None
