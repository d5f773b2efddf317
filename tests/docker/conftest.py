"""What the tests of containers have in common: one engine, and one way to print figures."""

import contextlib
import os

import pytest
from engine import bases, composes, engine

from tools.debian import Impossible


@pytest.fixture(scope="session")
def impossible():
    """Skip a test, and say why; in CI, fail it."""
    return pytest.fail if os.environ.get("CI") else pytest.skip


@pytest.fixture(scope="session")
def docker(impossible):
    """The variables that lead to an engine and to base images."""
    with contextlib.ExitStack() as stack:
        try:
            if not composes():
                raise Impossible("there is no Compose: apt-get install docker-compose")
            env = stack.enter_context(engine())
            env = {**env, **bases(env)}
        except Impossible as why:
            impossible(str(why))
        yield env


@pytest.fixture
def say(capsys):
    """Print a figure, whether pytest captures or not."""

    def say(what: str, value: str) -> None:
        with capsys.disabled():
            print(f"\n  {what:<44} {value}", end="", flush=True)

    return say
