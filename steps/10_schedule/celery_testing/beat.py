"""The scheduler of `celery beat`: django-celery-beat's, and one word more in each message."""

from datetime import UTC

from celery.schedules import crontab
from django_celery_beat.schedulers import DatabaseScheduler


class Scheduler(DatabaseScheduler):
    """A message of a crontab has the header `due`: the instant for which it is sent."""

    def apply_async(self, entry, **kwargs):
        if isinstance(entry.schedule, crontab):
            last, step, _ = entry.schedule.remaining_delta(entry.last_run_at)
            entry.options["headers"]["due"] = (last + step).astimezone(UTC).isoformat()
        return super().apply_async(entry, **kwargs)

    def reserve(self, entry):
        # what was sent is noted, else a table that changes just then has it sent once more
        self._schedule[entry.name] = sent = super().reserve(entry)
        return sent
