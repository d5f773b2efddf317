"""A worker that still has the code of the release before."""

from workshop.cases.case import Case
from workshop.cases.system import SETTINGS, System

TASKS = "sums/tasks.py"
NEW, OLD = "y: int, parts: int = PARTS) -> None", "y: int) -> None"


class OldCode(Case):
    def make(self, system: System) -> None:
        """A deployment that restarts the web server and forgets the workers."""
        system.edit(TASKS, NEW, OLD)
        system.edit(TASKS, "cut(x, parts)", "cut(x)")
        system.start()
        system.edit(TASKS, OLD, NEW)
        system.edit(TASKS, "cut(x)", "cut(x, parts)")
        system.edit(SETTINGS, '"SUM_PARTS", "0"', '"SUM_PARTS", "16"')
        system.control("restart", "web")

    def heal(self, system: System) -> None:
        system.restart("sums")
