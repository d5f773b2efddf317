"""Find the pictures in the folder, and send a task for each."""

from django.utils import timezone

from sums.publisher import UNSENT, publish

from .models import Picture, folder
from .tasks import make_thumbnail


class NotSent(Exception):
    """The broker is not known to have accepted all messages."""


def find_new() -> None:
    """Make a row for each picture in the folder that has none."""
    names = [file.name for file in folder("pictures").glob("*.jpg")]
    Picture.objects.bulk_create([Picture(name=name) for name in names], ignore_conflicts=True)


def send_all() -> int:
    """Send a task for each picture that has not been sent; return how many there were.

    Raises NotSent if the broker does not accept one. Those that it has accepted stay sent, and
    another call sends the others.
    """
    pictures = Picture.objects.filter(sent=None)
    for picture in pictures:
        try:
            publish(make_thumbnail.s(picture.name))
        except UNSENT as error:
            raise NotSent(f"{picture} was not accepted: {error}") from error
        # now, and at once: a process that dies between the two lines sends the message twice
        picture.sent = timezone.now()
        picture.save()
    return len(pictures)
