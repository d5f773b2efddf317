"""The work. It may run twice, and may be killed at any moment."""

from celery import shared_task
from django.utils import timezone
from PIL import Image

from .models import Picture

SIZE = (160, 160)  # pixels, at most


@shared_task(ignore_result=True)
def make_thumbnail(name: str) -> None:
    picture = Picture.objects.get(name=name)
    # TODO a: write the thumbnail of picture.original to picture.thumbnail: whole, or not at all
    Picture.objects.filter(name=name).update(done=timezone.now())
