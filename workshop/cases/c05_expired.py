"""Results that are deleted before anybody has read them."""

from workshop.cases.case import Case
from workshop.cases.system import SETTINGS, System, Unwell

SCHEDULE = "CELERY_BEAT_SCHEDULE = {\n"
CLEAN_UP = "celery.backend_cleanup"
CLEANED = f"Task {CLEAN_UP}["
AGE = "datetime.timedelta(hours=1)"  # of the result that the look asks for


class Expired(Case):
    edits = (
        (SETTINGS, "CELERY_RESULT_EXPIRES = None", "CELERY_RESULT_EXPIRES = 5"),
        (
            SETTINGS,
            SCHEDULE,
            f'{SCHEDULE}    "clean up": {{\n'
            f'        "task": "{CLEAN_UP}",\n'
            '        "schedule": 5.0,\n'
            '        "options": {"queue": "quick"},\n'
            "    },\n",
        ),
    )
    programs = ("quick", "beat")

    def look(self, system: System) -> None:
        """Make a result an hour old, let a worker clean up, and see whether it is still there."""
        job = system.expect_sum()
        system.project.shell(
            "import datetime\n"
            "from django.db.models import F\n"
            "from django_celery_results.models import TaskResult\n"
            f"rows = TaskResult.objects.filter(task_id='{job}')\n"
            f"rows.update(date_done=F('date_done') - {AGE})"
        )
        done = system.count("quick", CLEANED, "succeeded")
        for _ in range(2):  # one that beat has sent may have begun before
            system.send(CLEAN_UP, "quick")
        system.wait_for("quick", CLEANED, "succeeded", after=done + 1)
        query = f"select count(*) from django_celery_results_taskresult where task_id = '{job}'"
        if not system.value(query):
            raise Unwell("the result of a sum is gone an hour after it was stored", tells=True)
