"""Take an order. Its parcel is packed later, by a worker."""

from django.db import transaction

from .models import Message, Order
from .tasks import pack


@transaction.atomic
def place(what: str) -> Order:
    """Save an order and the message to pack it: both or neither."""
    order = Order(what=what)
    order.save()
    Message(task="orders.tasks.pack", args=[order.id]).save()
    return order
