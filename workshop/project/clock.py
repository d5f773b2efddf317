"""Let time go by without waiting for it: for lessons and checks of what starts by the clock."""

import contextlib
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from workshop.machine.patience import by_clock, wait_until

BERLIN = ZoneInfo("Europe/Berlin")
QUARTER = 15 * 60  # seconds: in any time zone, hours begin on a quarter hour
QUIET_SECONDS = 45  # in which somebody counts: nothing falls due by itself


def rewind_last_run(database: Path, task: str, hours: int) -> int:
    """Pretend that beat last sent a task so many hours ago; return how many entries that changed.

    A running beat reads it within its loop's interval. If an hour is about to begin, wait for
    that first, so that nothing else falls due while somebody counts.
    """
    left = QUARTER - time.time() % QUARTER
    if left < QUIET_SECONDS:
        end = time.time() + left + 1  # by the clock, because that is what we wait for
        wait_until(lambda: time.time() > end, limit=2 * QUIET_SECONDS, what="the next hour")
    now = datetime.now(UTC).replace(tzinfo=None)
    with contextlib.closing(sqlite3.connect(database, timeout=by_clock(20))) as tables, tables:
        found = tables.execute(
            "update django_celery_beat_periodictask set last_run_at = ? where task = ?",
            (str(now - timedelta(hours=hours)), task),
        )
        tables.execute("update django_celery_beat_periodictasks set last_update = ?", (str(now),))
        return found.rowcount


def sends(plan: dict[str, int], zone: str, day: tuple[int, int, int]) -> list[datetime]:
    """When beat would send during a day in Berlin, in UTC, without waiting for it.

    `plan` is what a crontab takes, `zone` the time zone of the app, `day` its year, month and day.
    """
    from celery import Celery
    from celery.schedules import crontab

    app = Celery(set_as_current=False)
    app.conf.timezone = zone
    midnight = datetime(*day, tzinfo=BERLIN)
    now, end = midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)
    entry = crontab(**plan, nowfun=lambda: now, app=app)
    last, sent = now - timedelta(seconds=1), []
    while now < end:
        due, wait = entry.is_due(last)
        if due:
            sent.append(now)
            last = now
        now += timedelta(seconds=wait)
    return sent
