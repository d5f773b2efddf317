from typing import Any

from celery.signals import before_task_publish
from django.utils import timezone


@before_task_publish.connect(sender="canaries.tasks.canary")
def note_time(headers: dict[str, Any], **_: Any) -> None:
    headers["sent_at"] = timezone.now().isoformat()
