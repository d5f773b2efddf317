"""The shell's variables for Python, Celery and Django."""

import codecs
import contextlib
import locale
import os
import sys
import sysconfig
from pathlib import Path

from workshop import places
from workshop.health.finding import Finding
from workshop.machine import environment as surroundings

# under these a learner's `python manage.py`, or its .env, does not work
PYTHON_VARIABLES = ("PYTHONHOME", "PYTHONSAFEPATH", "PYTHON_DOTENV_DISABLED")


def environment() -> Finding:
    """No variable of the shell overrides what the learner writes."""
    bent = surroundings.active_overrides()
    if hides(surroundings.AT_START.get("PYTHONPATH", "")):
        bent.append("PYTHONPATH")
    if bent:
        return Finding(
            "variables",
            f"the environment sets {', '.join(bent)}",
            "Celery, Django and Python use it instead of the value in your files.",
            f"unset {' '.join(bent)}; make stop; make lab",
        )
    return Finding("variables", "none overrides your settings")


def shell() -> Finding:
    """The shell's variables for Python: the course drops them, the learner's `python` does not.

    Also the encoding of text, which a kernel that was not started by `make lab` cannot change.
    """
    told = surroundings.dropped()
    names = [name for name in PYTHON_VARIABLES if name in told]
    if hidden := hides(told.get("PYTHONPATH", "")):
        names.append("PYTHONPATH")
    if names:
        others = f"; PYTHONPATH contains another {', '.join(hidden)}" if hidden else ""
        return Finding(
            "shell",
            f"this terminal sets {', '.join(names)}{others}",
            "The course does not use them; `python` and `celery`, typed here, do.",
            f"unset {' '.join(names)}",
        )
    encoding = locale.getpreferredencoding(False)
    if codecs.lookup(encoding).name != "utf-8":
        return Finding(
            "shell",
            f"text is {encoding} here, not UTF-8",
            "Python reads and writes your files in a different encoding than your editor.",
            "export PYTHONUTF8=1; make stop; make lab",
        )
    return Finding("shell", "sets nothing that gets in the way")


def hides(pythonpath: str) -> list[str]:
    """What is on a PYTHONPATH with the name of a package here, or of a learner's module."""
    found = set()
    for entry in filter(None, pythonpath.split(os.pathsep)):
        if Path(entry) != places.CHECKOUT:
            with contextlib.suppress(OSError):
                there = Path(entry).iterdir()
                found |= {one.stem for one in there if one.is_dir() or one.suffix == ".py"}
    if not found:
        return []
    ours = {one.stem for one in Path(sysconfig.get_path("purelib")).iterdir()}
    ours |= {
        "celery_testing",
        "testing",
        "sums",
        "receipts",
        "reports",
        "manage",
        *sys.stdlib_module_names,
    }
    return sorted((found & ours) - {"__pycache__"})
