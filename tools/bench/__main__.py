"""The course's measurements, as a table: each next to its limit, each ratio from one run.

Each measurement works in a separate home.
"""

import os
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from tools.bench import course, project, scale, suite
from tools.bench.rows import Row
from workshop.errors import CourseError

MEASURES: dict[str, Callable[[], list[Row]]] = {
    "setup": course.setup,
    "lab": course.warm_lab,
    "stages": course.stage_times,
    "verbs": course.verb_times,
    "mistakes": course.mistakes,
    "request": project.request,
    "posted": project.posted,
    "split": project.split,
    "memory": project.memory,
    "receipts": scale.at_once,
    "cluster": scale.cluster,
    "notebooks": course.notebooks,
    "suite": suite.suite,
}


def bench(console: Console, names: list[str]) -> int:
    """Measure what is asked for, or everything; return 1 if a figure is over its limit."""
    unknown = set(names) - set(MEASURES)
    if unknown:
        raise CourseError(f"no measure {', '.join(unknown)}.", f"one of: {', '.join(MEASURES)}")
    table = Table("what", "measured", "limit", "", box=None, pad_edge=False)
    all_fine = True
    for name in names or MEASURES:
        with console.status(f"measuring: {name} …"):
            for what, shown, limit, fine in MEASURES[name]():
                table.add_row(what, shown, limit, {True: "✓", False: "✗", None: ""}[fine])
                all_fine = all_fine and fine is not False
    console.print(table)
    console.print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    return 0 if all_fine else 1


if __name__ == "__main__":
    try:
        sys.exit(bench(Console(highlight=False), sys.argv[1:]))
    except CourseError as error:
        sys.exit(f"✗ {error}")
