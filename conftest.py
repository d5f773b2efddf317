"""The tests prove the course on a desk and a broker of their own, away from the learner's.

Asked for notebooks alone, pytest runs them on the learner's work instead:
`pytest notebooks/03_worker.ipynb`.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent / "notebooks"
first_failure: dict[str, str] = {}


def pytest_configure(config: pytest.Config) -> None:
    asked = [Path(word.split("::")[0]) for word in config.invocation_params.args]
    notebooks_alone = any(word.suffix == ".ipynb" for word in asked) and not any(
        word.suffix == ".py" or word.is_dir() for word in asked if not str(word).startswith("-")
    )
    if not notebooks_alone or os.environ.get("WORKSHOP_SOLVED") == "1":
        os.environ["WORKSHOP_SOLVED"] = "1"
        config.course_home = tempfile.mkdtemp(prefix="course ")  # a space, as homes may have
        os.environ["WORKSHOP_HOME"] = config.course_home


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "course_home"):
        from workshop.broker import Broker
        from workshop.lesson import end_others

        end_others()
        Broker().stop()
        shutil.rmtree(config.course_home, ignore_errors=True)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> None:
    """Note a notebook's first failure …"""
    if item.path.suffix == ".ipynb" and call.excinfo and call.when == "call":
        first_failure.setdefault(str(item.path), item.name)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """… and skip the rest of that notebook: its cells stand on one another."""
    failed = first_failure.get(str(item.path))
    if failed:
        pytest.skip(f"{item.path.name} failed at {failed}")
