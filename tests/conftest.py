"""What the tests of checks share: a broker, and a learner's empty desk."""

import contextlib
import shutil

import pytest

from workshop import setting, stages
from workshop.broker import Broker


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
