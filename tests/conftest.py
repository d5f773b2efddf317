"""What the tests for the checks share: a broker, a learner's empty desk, a warm Python."""

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

# a sample may be a test that a learner writes
collect_ignore_glob = ["mistakes/*.py", "ways/*.py"]


@pytest.fixture(scope="session")
def broker():
    """The node that all tests of this process share."""
    broker = Broker()
    broker.start()
    return broker


@pytest.fixture
def learner(monkeypatch, broker):
    """The learner's desk, emptied, with this process set up as in a Lab terminal."""
    monkeypatch.delenv("WORKSHOP_SOLVED", raising=False)
    broker.start()
    prepare.enter(broker)
    clear()
    yield
    clear()


@pytest.fixture
def no_queues(broker):
    """The learner's vhost, without the queues that other tests and notebooks left in it."""
    for name in broker.queues(login.VHOST):
        broker.remove("queues", login.VHOST, name)


def clear() -> None:
    for stage in stages.all_stages():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(stage.desk)


@pytest.fixture
def solved(learner):
    """A function that lays out a stage as the learner has finished it."""

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
    """A function that starts this process's second broker, for all the tests that follow."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(second_broker())


def pytest_collect_file(file_path: Path, parent: pytest.Collector):
    """Collect each sample as a separate file, so that they spread over a run's processes."""
    if file_path.name in ("mistake.toml", "way.toml"):
        return Sample.from_parent(parent, path=file_path)
    return None
