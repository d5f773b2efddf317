"""The work. It may run twice, and may be killed at any moment."""

import os
import tempfile

from celery import shared_task
from django.utils import timezone
from PIL import Image, ImageOps

from .models import Picture

SIZE = (160, 160)  # pixels, at most


@shared_task(ignore_result=True)
def make_thumbnail(name: str) -> None:
    picture = Picture.objects.get(name=name)
    with Image.open(picture.original) as image:
        image.thumbnail(SIZE)
        with tempfile.NamedTemporaryFile(dir=picture.thumbnail.parent, delete=False) as file:
            image.save(file, "JPEG")
    os.replace(file.name, picture.thumbnail)
    Picture.objects.filter(name=name).update(done=timezone.now())
