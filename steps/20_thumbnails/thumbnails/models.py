"""A picture in the folder `pictures`, and its thumbnail in the folder `thumbnails`."""

from pathlib import Path

from django.conf import settings
from django.db import models


class Picture(models.Model):
    """Its name is that of its file. `done` is set when the thumbnail is whole."""

    name = models.CharField(max_length=200, unique=True)
    sent = models.DateTimeField(null=True, editable=False)
    done = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def original(self) -> Path:
        return folder("pictures") / self.name

    @property
    def thumbnail(self) -> Path:
        return folder("thumbnails") / self.name


def folder(name: str) -> Path:
    """A folder below MEDIA_ROOT, which web server and workers must share."""
    found = Path(settings.MEDIA_ROOT) / name
    found.mkdir(parents=True, exist_ok=True)
    return found
