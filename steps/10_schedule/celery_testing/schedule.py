"""What starts by the clock: `celery -A celery_testing beat` brings it into the admin's tables."""

from celery.schedules import crontab

CELERY_INCLUDE = ["testing.reporting"]  # more of CELERY_IMPORTS
CELERY_BEAT_SCHEDULER = "celery_testing.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 0.5  # seconds, after which a change in the admin is seen

# TODO a: send the task testing.reporting.report every hour, on the hour
CELERY_BEAT_SCHEDULE = {}

# TODO b: a zone in which no hour is left out when the clocks change
CELERY_TIMEZONE = "Europe/Berlin"
