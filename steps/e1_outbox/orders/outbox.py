"""Send the messages of the outbox. Several processes may do this at the same time."""

from celery import signature
from django.db import transaction
from django.utils import timezone

from sums.publisher import publish

from .models import Message


def send_all() -> int:
    """Send all unsent messages, the oldest first; return how many.

    Raises one of UNSENT if the broker does not accept a message, which then stays in the outbox.
    """
    count = 0
    while send_next():
        count += 1
    return count


def send_next() -> bool:
    """Send the oldest unsent message and mark it as sent; return False if there is none."""
    # TODO b: lock the oldest unsent message, publish its task with the message's key as its id, and
    # set `sent`, all in one transaction. publish(signature(name, args=[…], task_id=…)) sends a task
    # by its name.
    return False
