"""A canary, named after miners' birds, does no real work. Beat sends one every few seconds."""

from django.db import models


class Canary(models.Model):
    """The newest canary that has come back through a queue."""

    queue = models.CharField(max_length=200, unique=True)
    sent = models.DateTimeField()  # when beat sent it, not when it came back

    class Meta:
        verbose_name_plural = "canaries"

    def __str__(self) -> str:
        return f"{self.queue}: {self.sent:%H:%M:%S}"
