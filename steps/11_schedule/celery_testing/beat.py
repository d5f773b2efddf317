"""The scheduler of `celery beat`: django-celery-beat's, with one more header in each message."""

from datetime import UTC, datetime, timedelta
from typing import Any

from celery.beat import ScheduleEntry
from celery.schedules import crontab
from django_celery_beat.schedulers import DatabaseScheduler


class Scheduler(DatabaseScheduler):
    """A crontab's message has the header `due`: the time for which it is sent."""

    def apply_async(self, entry: ScheduleEntry, **kwargs: Any) -> Any:
        if isinstance(entry.schedule, crontab):
            since = entry.last_run_at
            if start := entry.model.start_time:  # before its first run, `last_run_at` is years ago
                since = max(since, start - timedelta(seconds=1))
            rest = entry.schedule.remaining_estimate(since)
            # a crontab is due on whole minutes, and `rest` was computed a moment ago
            due = datetime.now(UTC) + rest + timedelta(seconds=30)
            entry.options["headers"]["due"] = due.replace(second=0, microsecond=0).isoformat()
        return super().apply_async(entry, **kwargs)

    def reserve(self, entry: ScheduleEntry) -> ScheduleEntry:
        # note what was sent; if the table changes at this moment, it would be sent once more
        self._schedule[entry.name] = sent = super().reserve(entry)
        return sent
