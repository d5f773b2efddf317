"""The work. It may run twice, and may be killed at any moment."""

import uuid

from celery import shared_task
from django.utils import timezone
from PIL import Image, ImageOps

from .models import Picture

SIZE = (160, 160)  # pixels, at most


@shared_task(ignore_result=True)
def make_thumbnail(name: str) -> None:
    picture = Picture.objects.get(name=name)
    part = picture.thumbnail.with_suffix(f".{uuid.uuid4().hex}.part")
    with Image.open(picture.original) as original:
        image = ImageOps.exif_transpose(original)  # a phone notes which side is up
        image.save(part, "JPEG")
    part.replace(picture.thumbnail)  # the file system does this whole, or not at all
    Picture.objects.filter(name=name).update(done=timezone.now())
