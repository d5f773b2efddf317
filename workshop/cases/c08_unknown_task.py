"""A worker that does not know a task which is sent to it."""

from workshop.cases.case import Case
from workshop.cases.system import System

APP = "celery_testing/celery.py"


class UnknownTask(Case):
    edits = ((APP, "autodiscover_tasks()", 'autodiscover_tasks(["canaries", "receipts", "sums"])'),)
    programs = ("quick", "sums")

    def make(self, system: System) -> None:
        super().make(system)
        system.send("reports.tasks.report", "quick")

    def look(self, system: System) -> None:
        system.expect_report()
