"""Schedule a reminder."""

from sums.publisher import publish

from .models import LONGEST, Reminder
from .tasks import remind


def remind_in(seconds: float, text: str) -> Reminder:
    """Send `text` as a mail in `seconds` seconds. Raises ValueError, or one of UNSENT."""
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"seconds must be between 0 and {LONGEST}")
    reminder = Reminder.objects.create(text=text)
    publish(remind.s(reminder.pk).set(countdown=seconds))
    return reminder
