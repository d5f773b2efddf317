"""Move dead letters from the broker into a table, where they can be looked at again and again.

A look into a queue takes a message out and puts it back, which counts as a delivery.
"""

from celery import current_app, shared_task
from django.utils import timezone
from kombu import Message

from celery_testing.celery import DEAD

from .models import DeadLetter


@shared_task(ignore_result=True)
def collect() -> int:
    """Take all dead letters; return how many."""
    count = 0
    with current_app.connection_for_read() as connection:
        queue = DEAD(connection.default_channel)
        while message := queue.get():
            keep(message)
            message.ack()  # only now: if this process dies before, the broker still has it
            count += 1
    return count


def keep(message: Message) -> None:
    """Save a message as a row; one that comes again changes its row."""
    headers = dict(message.headers)
    [last, *_] = headers.pop("x-death", [{}])
    DeadLetter.objects.update_or_create(
        task_id=headers["id"],
        defaults={
            "task": headers["task"],
            "queue": last.get("queue", DEAD.name),
            "reason": last.get("reason", "unknown"),
            "died": last.get("time", timezone.now()),
            "headers": {name: headers[name] for name in headers if not name.startswith("x-")},
            "body": message.body if isinstance(message.body, str) else message.body.decode(),
        },
    )
