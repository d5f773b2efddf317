"""A mail that is sent later."""

from django.db import models

LONGEST = 24 * 60 * 60  # seconds; the longest delay that is allowed


class Reminder(models.Model):
    text = models.CharField(max_length=200)
    created = models.DateTimeField(auto_now_add=True)
    sent = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return self.text
