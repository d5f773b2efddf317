"""Messages that the broker has given up on, kept until somebody decides what to do with them."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class DeadLetter(models.Model):
    task_id = models.CharField(max_length=255, unique=True)
    task = models.CharField(max_length=255)
    queue = models.CharField(max_length=200)  # where it died
    reason = models.CharField(max_length=200)  # the broker's term: delivery_limit, expired, …
    died = models.DateTimeField()
    headers = models.JSONField(encoder=DjangoJSONEncoder)
    body = models.BinaryField()
    content_type = models.CharField(max_length=100, default="application/json")
    content_encoding = models.CharField(max_length=100, default="utf-8")
    collected = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-died"]

    def __str__(self) -> str:
        return f"{self.task}[{self.task_id}]"

    def forget(self) -> None:
        """Delete the row, unless the message has died again and was collected in the meantime."""
        DeadLetter.objects.filter(pk=self.pk, collected=self.collected).delete()
