"""Publish a task within a second, or report that the broker did not accept it.

A request must not wait for a broker that is down, so this does not use the app's connections,
which keep trying, as a worker should.
"""

from functools import cache

from amqp.exceptions import AMQPError, MessageNacked
from celery import Signature, current_app
from kombu import Connection
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers

# kombu's error, and the protocol's own: no such user or vhost, no permission, another queue
UNSENT = (OperationalError, AMQPError, LimitExceeded)
SECONDS = 0.4  # for each step: getting a connection, connecting, and the broker's confirmation


def publish(task: Signature) -> None:
    """Publish a signature, such as `sum_number.s(3, 4)`.

    Raises one of UNSENT. The message may still arrive if only its confirmation was late.
    """
    try:
        _publish(task)
    except UNSENT as error:
        if isinstance(error.__cause__, (TimeoutError, MessageNacked)):
            raise
        _publish(task)  # the broker had closed an idle connection: try again, on a new one


def _publish(task: Signature) -> None:
    with producers[_connection()].acquire(block=True, timeout=SECONDS) as producer:
        try:
            task.apply_async(producer=producer, retry=False, confirm_timeout=SECONDS)
        except UNSENT:
            # Drop the connection: a broker that is short of memory does not answer a goodbye.
            producer.connection.collect()
            raise


@cache
def _connection() -> Connection:
    """How to connect; kombu keeps a pool of such connections for each process."""
    # Try up to three addresses, without a pause: SECONDS for each that does not answer.
    next_ones = {"max_retries": 2, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    options = {**next_ones, "read_timeout": SECONDS, "write_timeout": SECONDS}
    return current_app.connection_for_write(connect_timeout=SECONDS, transport_options=options)
