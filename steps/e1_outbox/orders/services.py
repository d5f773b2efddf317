"""Take an order. Its parcel is packed later, by a worker."""

from django.db import transaction

from .models import Order
from .tasks import pack


@transaction.atomic
def place(what: str) -> Order:
    """Save an order and the message to pack it: both or neither."""
    order = Order.objects.create(what=what)
    # TODO a: save a Message here instead, in the same transaction, and send nothing.
    transaction.on_commit(lambda: pack.delay(order.pk))
    return order
