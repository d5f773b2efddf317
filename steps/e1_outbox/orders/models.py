"""An order, its parcel, and the outbox: messages to send, in the same database."""

import uuid

from django.db import models


class Order(models.Model):
    what = models.CharField(max_length=200)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.pk}: {self.what}"


class Parcel(models.Model):
    order = models.OneToOneField(Order, on_delete=models.PROTECT)
    packed = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"parcel for {self.order}"


class Message(models.Model):
    """A task to send. Its `key` is also the task's id, so a log shows which came twice."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    task = models.CharField(max_length=200)  # its name
    args = models.JSONField(default=list)
    created = models.DateTimeField(auto_now_add=True)
    sent = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["id"], name="message_to_send", condition=models.Q(sent=None))
        ]

    def __str__(self) -> str:
        return f"{self.task}{tuple(self.args)}"
