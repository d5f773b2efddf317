"""The project's beat sends what is due once, whenever the table of its schedule changes."""

import os
import subprocess
import sys

# away() falls at look number LOOK of a tick that builds the list of what is due again
SCRIPT = """
import contextlib, os, sqlite3, sys
from datetime import UTC, datetime, timedelta

os.environ["DJANGO_SETTINGS_MODULE"] = "celery_testing.settings"
sys.path.insert(0, ".")
import django

django.setup()
from django.core.management import call_command

call_command("migrate", verbosity=0)
from celery_testing.beat import Scheduler
from celery_testing.celery import app
from django_celery_beat.models import PeriodicTask, PeriodicTasks


def away():
    then = datetime.now(UTC) - timedelta(hours=1)
    PeriodicTask.objects.filter(task="reports.tasks.report").update(last_run_at=then)
    PeriodicTasks.update_changed()


def sent_if_away_at(number):
    looks, sent = [], []

    class Watched(Scheduler):
        producer = None

        def schedule_changed(self):
            looks.append(None)
            if len(looks) == number:
                away()
            return super().schedule_changed()

        def apply_async(self, entry, **words):
            sent.append(entry.name)

    scheduler = Watched(app=app)
    for _ in range(3):
        scheduler.tick()
    PeriodicTasks.update_changed()  # as a second beat does when it starts
    looks.clear()
    sent.clear()
    for _ in range(6):
        scheduler.tick()
    return len(sent)


print([sent_if_away_at(number) for number in range(1, 6)])
"""


def test_a_change_that_comes_while_beat_reads_makes_no_second_message(solved, tmp_path):
    stage = solved("11")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=stage.desk,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout.strip() == "[1, 1, 1, 1, 1]", done.stdout + done.stderr[-2000:]
