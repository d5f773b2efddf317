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


@transaction.atomic
def send_next() -> bool:
    """Send the oldest unsent message and mark it as sent; return False if there is none."""
    # The row stays locked until the commit (with SQLite, the whole database), so no other relay
    # sends this message. If this process dies between publish and the commit, it is sent again.
    waiting = Message.objects.select_for_update(skip_locked=True).filter(sent=None)
    message = waiting.first()
    if message is None:
        return False
    publish(signature(message.task, args=message.args, task_id=str(message.key)))
    Message.objects.filter(pk=message.pk).update(sent=timezone.now())
    return True
