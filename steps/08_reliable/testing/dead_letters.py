"""The queue of the messages that nobody could do. No worker takes from it."""

from celery import current_app
from celery.signals import celeryd_after_setup
from kombu import Queue

DEAD = Queue("dead", queue_arguments={"x-queue-type": "quorum"})


@celeryd_after_setup.connect
def declare(**_):
    """Before a worker takes its first message, there must be a place for the last ones."""
    with current_app.connection_for_write() as connection:
        connection.ensure_connection()
        DEAD(connection.default_channel).declare()
