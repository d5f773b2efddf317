"""One line of the doctor: what was found, why it matters, what to type."""

import os
from dataclasses import dataclass

REINSTALL = "rm -r .venv; make lab"
if os.environ.get("COURSE_VENV"):
    REINSTALL = "outside the container: docker compose build; docker compose up"


@dataclass(frozen=True)
class Finding:
    """One fact: `cure`, what to type, is empty if all is as it should be.

    `why` tells the learner what goes wrong as long as it is not fixed.
    """

    name: str
    found: str
    why: str = ""
    cure: str = ""
