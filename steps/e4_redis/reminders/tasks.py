from celery import shared_task
from celery.utils.log import get_task_logger
from django.core.mail import send_mail

from .models import Reminder

logger = get_task_logger(__name__)


@shared_task(autoretry_for=(OSError,), retry_backoff=True)  # such as SMTPException
def remind(reminder_id: int) -> None:
    """Send a reminder's mail once, no matter how often the message is delivered."""
    # TODO b: send the mail only if `sent` is not set, and set it. Two deliveries may run at the
    # same time. If the mail cannot be sent, `sent` must stay empty, and the task must fail.
    text = Reminder.objects.get(pk=reminder_id).text
    send_mail("A reminder", text, None, ["learner@example.com"])
