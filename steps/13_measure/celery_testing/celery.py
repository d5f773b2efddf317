import os

from celery import Celery
from celery.signals import celeryd_after_setup
from celery.utils.log import get_logger
from kombu import Queue

from . import request_id, tracing  # Celery calls their functions

logger = get_logger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")

app = Celery("celery_testing")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

DEAD = Queue("dead", queue_arguments={"x-queue-type": "quorum"})


def report(error: Exception, seconds: float) -> None:
    logger.error("the broker does not answer: %s. Again in %s s", error, seconds)


@celeryd_after_setup.connect
def declare_dead(**_) -> None:
    """Make the queue for dead letters before a worker takes its first message."""
    with app.connection_for_write() as connection:
        connection.ensure_connection(errback=report)
        DEAD(connection.default_channel).declare()
