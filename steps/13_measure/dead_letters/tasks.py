"""Move dead letters from the broker into a table, where they can be looked at again and again.

Looking into a queue takes a message out and puts it back, which counts as a delivery.
"""

from datetime import UTC

from celery import current_app, shared_task
from celery.utils.log import get_task_logger
from django.utils import timezone
from kombu import Message

from celery_testing.celery import DEAD

from .models import DeadLetter

logger = get_task_logger(__name__)


@shared_task(ignore_result=True)
def collect() -> int:
    """Take all dead letters; return how many."""
    count = 0
    with current_app.connection_for_read() as connection:
        queue = DEAD(connection.default_channel)
        while message := queue.get():
            try:
                keep(message)
            except Exception:  # it goes back to the queue, and does not stop the others
                logger.exception("a dead letter cannot be kept: %s", message.headers)
                continue
            message.ack()  # only now: if this process dies before this, the broker still has it
            count += 1
    return count


def keep(message: Message) -> None:
    """Save a message as a row; if the same message comes again, update its row."""
    headers, body = dict(message.headers), message.body
    last = (headers.pop("x-death", None) or [{}])[0]  # the newest of its deaths
    DeadLetter.objects.update_or_create(
        task_id=headers.get("id") or message.properties["correlation_id"],
        defaults={
            "task": headers.get("task", "unknown"),
            "queue": last.get("queue", DEAD.name),
            "reason": last.get("reason", "unknown"),
            "died": last["time"].replace(tzinfo=UTC) if last else timezone.now(),
            "headers": {name: headers[name] for name in headers if not name.startswith("x-")},
            "body": body.encode() if isinstance(body, str) else bytes(body),
            "content_type": message.content_type,
            "content_encoding": message.content_encoding,
        },
    )
