"""Take an order. Its parcel is packed later, by a worker."""

from django.db import transaction

from .models import Order
from .tasks import pack


@transaction.atomic
def place(what: str) -> Order:
    """Keep an order, and the message to pack it: both, or neither."""
    order = Order.objects.create(what=what)
    # TODO a: write a Message into the outbox here, in the same transaction, and send nothing.
    transaction.on_commit(lambda: pack.delay(order.pk))
    return order
