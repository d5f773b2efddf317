"""What `make test` costs, and what it starts."""

import contextlib
import ctypes
import os
import resource
import subprocess
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

import psutil

from tools.bench.rows import Row, clock
from workshop import places

SUITE_SECONDS, SUITE_PROCESSOR = 300, 600
# what each Python of the .venv does at startup, as a line of a .pth file
COUNTS_PYTHON = (
    "import os; (f := os.environ.get('WORKSHOP_TALLY')) and open(f, 'a').write('python\\n')\n"
)


def suite() -> list[Row]:
    """`make test`, with everything installed: what it costs, and what it starts."""
    site = Path(sysconfig.get_path("purelib")) / "tally.pth"
    with tempfile.TemporaryDirectory() as folder:
        tally = Path(folder) / "tally"
        tally.touch()
        site.write_text(COUNTS_PYTHON)
        _adopt_orphans()  # a broker outlives the process that started it
        try:
            before = _used_by_children()
            with clock() as took:
                subprocess.run(
                    ["make", "-s", "test"],
                    cwd=places.CHECKOUT,
                    env={**os.environ, "WORKSHOP_TALLY": str(tally)},
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
            while psutil.Process().children():
                os.wait()
            used = _used_by_children() - before
        finally:
            site.unlink()
        starts = Counter(tally.read_text().splitlines())
    workers = starts["worker"], starts["warm worker"]
    return [
        ("make test", f"{took[0]:.0f} s", f"≤ {SUITE_SECONDS} s", took[0] <= SUITE_SECONDS),
        (
            "processor time of make test",
            f"{used:.0f} s",
            f"≤ {SUITE_PROCESSOR} s",
            used <= SUITE_PROCESSOR,
        ),
        ("broker starts", str(starts["broker"]), "", None),
        ("worker starts, cold and warm", " + ".join(map(str, workers)), "", None),
        ("other warm processes", str(starts["warm process"]), "", None),
        ("interpreter starts", str(starts["python"]), "", None),
    ]


def _adopt_orphans() -> None:
    """Linux: processes whose parent has ended become this one's children, and are counted."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
