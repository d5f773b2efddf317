"""What a measurement returns: rows of name, figure, limit, and whether it is within the limit."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator

Row = tuple[str, str, str, bool | None]


@contextlib.contextmanager
def clock() -> Iterator[list[float]]:
    """A list that holds the seconds of the block after it ends."""
    took: list[float] = []
    begun = time.perf_counter()
    yield took
    took.append(time.perf_counter() - begun)


def ratio(what: str, ours: float, theirs: float, limit: float) -> Row:
    shown = f"{ours:.1f} s / {theirs:.1f} s = {ours / theirs:.2f}"
    return what, shown, f"≤ {limit:g}", ours / theirs <= limit


def seconds_of(what: str, took: float, limit: float) -> Row:
    return what, f"{took:.2f} s", f"≤ {limit:g} s", took <= limit


def times(once: Callable[[], object], count: int = 200) -> tuple[float, float]:
    """p50 and p99 in ms of `count` calls, after one that is not counted."""
    once()
    took = []
    for _ in range(count):
        with clock() as one:
            once()
        took.append(one[0] * 1000)
    took.sort()
    return statistics.median(took), took[int(count * 0.99) - 1]


def shown(found: tuple[float, float]) -> str:
    return f"p50 {found[0]:.1f} ms, p99 {found[1]:.1f} ms"


def ratio_of(what: str, ours: float, theirs: float, limit: float) -> Row:
    return (
        what,
        f"{ours:.1f} / {theirs:.1f} ms = {ours / theirs:.2f}",
        f"≤ {limit:g}",
        (ours / theirs <= limit),
    )
