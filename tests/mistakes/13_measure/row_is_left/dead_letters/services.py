"""What the admin does with a dead letter."""

from celery import current_app

from .models import DeadLetter


def send_back(letter: DeadLetter) -> None:
    """Send a message back to the queue in which it died, then delete its row.

    If the broker does not accept the message, raise the error from `publish` and keep the row.
    """
    publish(letter)


def publish(letter: DeadLetter) -> None:
    """Publish the message as it was, with all its headers; return once the broker has it."""
    options = {"confirm_publish": True, "max_retries": 0}
    with current_app.connection_for_write(transport_options=options) as connection:
        connection.Producer().publish(
            letter.body,
            exchange="",  # straight to the queue with this name
            routing_key=letter.queue,
            mandatory=True,  # raise an error if there is no such queue
            headers=letter.headers,
            correlation_id=letter.task_id,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode="persistent",
            retry=False,
        )
