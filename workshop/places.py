"""Where things are: the checkout, and the home of everything it makes."""

import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
STEPS = CHECKOUT / "steps"
SOLUTIONS = CHECKOUT / "solutions"
NOTEBOOKS = CHECKOUT / "notebooks"

VENV_BIN = Path(sys.executable).parent


def home() -> Path:
    """The folder that holds `desk/` and `.rabbitmq/`: the checkout, or `WORKSHOP_HOME`."""
    return Path(os.environ.get("WORKSHOP_HOME") or CHECKOUT)


def broker() -> Path:
    """The private node's folder: `.rabbitmq/` in the home; in a container, COURSE_BROKER."""
    told = os.environ.get("COURSE_BROKER") if not os.environ.get("WORKSHOP_HOME") else None
    return Path(told or home() / ".rabbitmq")


def desk() -> Path:
    """The learner's projects, one complete folder per stage."""
    return home() / "desk"


def solved() -> bool:
    """Whether this process works on the solutions instead of the learner's files."""
    return os.environ.get("WORKSHOP_SOLVED") == "1"


def inside(path: Path) -> str:
    """A path as a learner reads it: from the checkout's folder on."""
    return str(path.relative_to(home()))
