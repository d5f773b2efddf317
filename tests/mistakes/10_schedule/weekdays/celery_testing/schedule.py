"""What starts by the clock: `celery -A celery_testing beat` brings it into the admin's tables."""

from celery.schedules import crontab

CELERY_INCLUDE = ["testing.reporting"]  # more of CELERY_IMPORTS
CELERY_BEAT_SCHEDULER = "celery_testing.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 0.5  # seconds, after which a change in the admin is seen

CELERY_BEAT_SCHEDULE = {
    "hourly report": {"task": "testing.reporting.report", "schedule": crontab(minute=0, day_of_week="1-5")},
}

CELERY_TIMEZONE = "UTC"
