"""A worker that takes every message for itself while another one is idle."""

from workshop.cases.case import Case
from workshop.cases.system import PROGRAMS, SETTINGS, System, Unwell

MORE = """
[program:more]
command = celery -A celery_testing worker --loglevel=info -Q sums -n more@%%h --concurrency=1
stdout_logfile = more.log
redirect_stderr = true
stopwaitsecs = 660
killasgroup = true
"""
ENOUGH = 8  # messages for each process: twice Celery's default


class Prefetch(Case):
    edits = (
        (SETTINGS, "PREFETCH_MULTIPLIER = 1", "PREFETCH_MULTIPLIER = 500"),
        (PROGRAMS, "\n[program:beat]", f"{MORE}\n[program:beat]"),
    )
    programs = ("sums", "more")

    def look(self, system: System) -> None:
        """Ask the workers of sums how many messages each may hold."""
        for name, stats in system.ask_workers("stats", "sums", "more").items():
            processes = stats["pool"]["max-concurrency"]
            if stats["prefetch_count"] > ENOUGH * processes:
                raise Unwell(
                    f"{name} may hold {stats['prefetch_count']} messages, and has {processes} "
                    f"process{'es' * (processes > 1)}",
                    tells=True,
                )

    def heal(self, system: System) -> None:
        system.restore(SETTINGS)  # and not the file in which the second worker is
        system.restart(*self.programs)
