"""A time in Seoul that is sent without its zone."""

from workshop.cases.case import Case

SERVICES = "sums/services.py"
IMPORTS = "import uuid\n"
SENT = ".set(task_id=job.task_id)"


class TimeZone(Case):
    edits = (
        (SERVICES, IMPORTS, f"{IMPORTS}from zoneinfo import ZoneInfo\n"),
        (SERVICES, "logger = ", 'SEOUL = ZoneInfo("Asia/Seoul")\nlogger = '),
        (
            SERVICES,
            SENT,
            ".set(task_id=job.task_id, eta=timezone.make_naive(timezone.now(), SEOUL))",
        ),
    )
    programs = ("web",)
