from celery import Task, shared_task

from .models import Canary


@shared_task(bind=True, ignore_result=True)
def canary(self: Task) -> None:
    """Record the send time of the newest canary that has come back."""
    queue = self.request.delivery_info["routing_key"]
    sent = self.request.sent_at  # in ISO format; receivers.py adds it to the message
    Canary.objects.get_or_create(queue="sums", defaults={"sent": sent})
    Canary.objects.filter(queue="sums", sent__lt=sent).update(sent=sent)
