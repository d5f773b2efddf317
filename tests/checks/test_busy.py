"""A machine that others keep busy: right work is not refused there, and wrong work is named.

Not a part of `make test`, since it keeps every core busy while it lasts: `make busy`.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from samples import expect_named

from workshop import checks, show
from workshop.desk import stages
from workshop.machine.kernel import CORES, load_per_core
from workshop.machine.patience import wait_until

pytestmark = pytest.mark.busy

LONGEST = 3600  # seconds by the clock, after which a loop ends by itself
LOOP = f"import time\nend = time.monotonic() + {LONGEST}\nwhile time.monotonic() < end: pass"
STAGES = [stage for stage in stages.all_stages() if not stage.is_sick]
MISTAKES = (
    "03_worker/no_return",
    "04_view/called_not_sent",
    "06_run/print_for_log",
    "07_result/no_keywords",
    "11_schedule/short_name",
)


@pytest.fixture(scope="module", autouse=True)
def busy(broker, warm):
    """Four loops for each core, from the start of the first test to the end of the last."""
    loops = [subprocess.Popen([sys.executable, "-SE", "-c", LOOP]) for _ in range(4 * CORES)]
    try:
        wait_until(lambda: load_per_core() >= 3, limit=60, what="a crowd")
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@pytest.mark.parametrize("stage", STAGES, ids=[stage.name for stage in STAGES])
def test_a_solution_passes(stage, solved, warm):
    found = checks.check(solved(stage.number), warm=warm)
    assert found.passed, str(show.Shown(found))


@pytest.mark.parametrize("sample", MISTAKES)
def test_a_mistake_is_named(sample, solved, broker, warm):
    folder = Path(__file__).parents[1] / "mistakes" / sample
    expect_named(folder / "mistake.toml", solved, broker, warm)


def test_an_endless_loop_is_named_as_one(solved, warm):
    stage = solved("03")
    (stage.desk / "testing/workers.py").write_text("while True: pass\n")
    first = checks.check(stage, warm=warm).items[0]
    assert "endless loop" in first.seen, first
