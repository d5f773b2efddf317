"""Wait for a condition, never for time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NotYet(Exception):
    """The condition did not come true within its limit."""


def wait_until(condition: Callable[[], T], *, limit: float, what: str) -> T:
    """Ask `condition` until its answer is true, and return that answer.

    `limit` is in seconds. Raises NotYet, with `what` did not come, after it.
    """
    end = time.monotonic() + limit
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise NotYet(f"{what} did not come within {limit:g} s")
        time.sleep(0.02)
