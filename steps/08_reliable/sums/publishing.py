"""Hand a task to the broker within a second, or say why not."""

from amqp.exceptions import AMQPError, MessageNacked
from celery import current_app
from kombu.exceptions import LimitExceeded, OperationalError

# kombu's error, and those of the protocol itself: no user, no vhost, no right, another queue
UNSENT = (OperationalError, AMQPError, LimitExceeded)
SECONDS = 0.4  # for the broker's confirmation, and for a connection of the pool


def publish(task) -> None:
    """Send a signature, `sum_number.s(3, 4)`. Raises one of UNSENT, within a second.

    The message may arrive all the same, later: the broker did not say so in time.
    """
    with current_app.producer_pool.acquire(block=True, timeout=SECONDS) as producer:
        for last in (False, True):
            try:
                task.apply_async(producer=producer, retry=False, confirm_timeout=SECONDS)
                return
            except UNSENT as error:
                # no polite goodbye: a broker that is short of memory reads nothing we say
                producer.connection.collect()
                if last or isinstance(error.__cause__, (TimeoutError, MessageNacked)):
                    raise
                producer.revive(producer.connection)  # it had hung up: once more, anew
