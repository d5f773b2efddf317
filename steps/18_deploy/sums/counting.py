"""The guide's sum, counted one by one. It knows nothing of Celery or Django."""

from collections.abc import Callable

PARTS = 8


def count(rows: range, y: int, report: Callable[[int], None]) -> int:
    """Count `y` for each row; every so often, call `report` with the number of rows done."""
    step = max(1, len(rows) // 50)
    num = 0
    for done in range(len(rows)):
        if done % step == 0:
            report(done)
        for _ in range(y):
            num += 1
    return num


def cut(x: int, parts: int = PARTS) -> list[tuple[int, int]]:
    """Split rows 0 to x - 1 into at most `parts` ranges (first, last), with `last` excluded."""
    rows = -(-x // parts)
    return [(first, min(first + rows, x)) for first in range(0, x, rows)]
