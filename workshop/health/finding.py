"""One line of the doctor: what was found, why it matters, what to type."""

import os
from dataclasses import dataclass

REINSTALL = "rm -r .venv; make lab"
if os.environ.get("COURSE_VENV"):
    REINSTALL = "outside the container: docker compose build; docker compose up"


@dataclass(frozen=True)
class Finding:
    """One fact: `cure`, what to type, is empty where it is as it should be.

    `why` says what goes wrong, for the learner, as long as it is not.
    """

    name: str
    found: str
    why: str = ""
    cure: str = ""
