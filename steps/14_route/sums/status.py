"""How much work there is, for the panel next to the jobs."""

from dataclasses import dataclass

from amqp.exceptions import AMQPError, NotFound
from celery import current_app
from kombu.exceptions import OperationalError

SECONDS = 0.4  # for connecting, and again for the broker's answer


@dataclass(frozen=True)
class Status:
    """A queue and its workers; `waiting` are the messages that no worker has taken yet."""

    queue: str
    waiting: int = 0
    workers: int = 0


def ask_broker(queue: str = "") -> Status | None:
    """Ask for a queue's depth and its consumers; None if the broker does not answer."""
    queue = queue or current_app.conf.task_default_queue
    # A separate connection: the app's may keep trying for minutes, as a worker should.
    options = {"max_retries": 0, "read_timeout": SECONDS, "write_timeout": SECONDS}
    try:
        with current_app.connection_for_read(
            connect_timeout=SECONDS, transport_options=options
        ) as connection:
            # Passive: it checks the queue without making it. Each worker that takes tasks from it
            # is one consumer. `control.ping()` would make every visitor wait for the slowest one.
            found = connection.default_channel.queue_declare(queue, passive=True)
    except NotFound:
        return Status(queue)  # no worker has run yet, and nothing was sent
    except (OperationalError, AMQPError, OSError):
        return None
    return Status(queue, found.message_count, found.consumer_count)
