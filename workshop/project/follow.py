"""Ask for a job again and again, as a page does, until it is over."""

import time

from workshop.machine.patience import wait_until
from workshop.project.project import Project

OVER = ("SUCCESS", "FAILURE", "REVOKED")
LIMIT = 60  # seconds of the machine's patience: the guide's sum takes a few


def follow(project: Project, path: str) -> list[tuple[float, dict]]:
    """What the API answers about a job, once for each percentage: (seconds so far, answer).

    The last answer is the one in which it is over.
    """
    begun = time.monotonic()
    seen: list[tuple[float, dict]] = []

    def is_over() -> bool:
        job = project.get(path).json()
        over = job["state"] in OVER
        if over or not seen or seen[-1][1]["percent"] != job["percent"]:
            seen.append((time.monotonic() - begun, job))
        return over

    wait_until(is_over, limit=LIMIT, what="its end")
    return seen
