"""The tests exercise the course on a separate desk and broker, away from the learner's.

If only notebooks are requested, pytest runs them on the learner's work instead:
`pytest notebooks/03_worker.ipynb`.
"""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from nbval import kernel

from tools.refresh import CELL_SECONDS, temporary_home
from workshop.machine.patience import by_clock
from workshop.machine.warm import SHARED, Warm

pytest_plugins = ("tests.figures",)


first_failure: dict[str, str] = {}


own_home = ExitStack()

start_once = kernel.start_new_kernel


def start_new_kernel(**words):
    """Start a kernel; if it dies at once, start another one, on other ports.

    Jupyter chooses free ports before its kernel opens them, and with several kernels at a time,
    another process may be quicker: https://github.com/jupyter/jupyter_client/issues/276
    """
    try:
        return start_once(**words)
    except RuntimeError:
        return start_once(**words)


kernel.start_new_kernel = start_new_kernel


def pytest_configure(config: pytest.Config) -> None:
    asked = [Path(word.split("::")[0]) for word in config.invocation_params.args]
    files = [path for path in asked if path.exists()]
    notebooks_alone = files and all(path.suffix == ".ipynb" for path in files)
    if not notebooks_alone or os.environ.get("WORKSHOP_SOLVED") == "1":
        own_home.enter_context(temporary_home())
        is_controller = config.getoption("numprocesses", None) and not hasattr(
            config, "workerinput"
        )
        if not is_controller:  # the controller runs no tests
            warm = own_home.enter_context(Warm())
            warm.wait()
            os.environ[SHARED] = str(warm.socket)


def pytest_unconfigure() -> None:
    own_home.close()
    os.environ.pop(SHARED, None)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> None:
    """Note a notebook's first failure, report what its cell had printed before …"""
    if item.path.suffix == ".ipynb" and call.excinfo and call.when == "call":
        first_failure.setdefault(str(item.path), item.name)
        printed = "".join(output.get("text", "") for output in item.test_outputs or ())
        item.add_report_section("call", "output of the cell", printed or "(none)")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """… and skip the rest of that notebook, because its cells build on one another."""
    item.config.option.nbval_cell_timeout = by_clock(CELL_SECONDS)
    item.output_timeout = by_clock(5)  # nbval's own default
    failed = first_failure.get(str(item.path))
    if failed:
        pytest.skip(f"{item.path.name} failed at {failed}")
