"""Messages that the broker has given up on, kept until somebody decides what to do with them."""

from django.db import models


class DeadLetter(models.Model):
    task_id = models.CharField(max_length=255, unique=True)
    task = models.CharField(max_length=255)
    queue = models.CharField(max_length=200)  # where it died
    reason = models.CharField(max_length=200)  # the broker's term: delivery_limit, expired, …
    died = models.DateTimeField()
    headers = models.JSONField()
    body = models.TextField()

    class Meta:
        ordering = ["-died"]

    def __str__(self) -> str:
        return f"{self.task}[{self.task_id}]"
