"""How many receipts there were, hour by hour."""

from django.db import models


class Report(models.Model):
    slot = models.DateTimeField(unique=True)  # the time at which it was due
    count = models.PositiveIntegerField()
    written = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slot"]

    def __str__(self) -> str:
        return f"{self.slot:%Y-%m-%d %H:%M}: {self.count}"
