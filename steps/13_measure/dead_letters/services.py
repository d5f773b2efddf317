"""What the admin does with a dead letter."""

from celery import current_app

from .models import DeadLetter


def send_back(letter: DeadLetter) -> None:
    """Send a message back to the queue in which it died, then delete its row.

    If the broker does not accept the message, raise the error from `publish` and keep the row.
    """
    # TODO c: call publish, and letter.forget, in the order in which nothing can be lost


def publish(letter: DeadLetter) -> None:
    """Publish the message's body with its task's headers; return once the broker has it."""
    options = {"confirm_publish": True, "max_retries": 0, "read_timeout": 5, "write_timeout": 5}
    with current_app.connection_for_write(
        connect_timeout=5, transport_options=options
    ) as connection:
        connection.Producer().publish(
            bytes(letter.body),
            exchange="",  # straight to the queue with this name
            routing_key=letter.queue,
            mandatory=True,  # raise an error if there is no such queue
            headers=letter.headers,
            correlation_id=letter.task_id,
            content_type=letter.content_type,
            content_encoding=letter.content_encoding,
            delivery_mode="persistent",
            retry=False,
        )
