"""The work. It may run twice, and may be killed at any moment."""

import io

from celery import shared_task
from django.utils import timezone
from PIL import Image, ImageOps

from .models import Picture

SIZE = (160, 160)  # pixels, at most


@shared_task(ignore_result=True)
def make_thumbnail(name: str) -> None:
    picture = Picture.objects.get(name=name)
    if picture.thumbnail.exists():
        return
    with Image.open(picture.original) as image:
        image.thumbnail(SIZE)
        data = io.BytesIO()
        image.save(data, "JPEG")
    picture.thumbnail.write_bytes(data.getvalue())
    Picture.objects.filter(name=name).update(done=timezone.now())
