from celery import shared_task
from celery.utils.log import get_task_logger
from django.db import IntegrityError, transaction

from .models import Parcel

logger = get_task_logger(__name__)


@shared_task
def pack(order_id: int) -> None:
    """Pack an order once, even if the message comes twice."""
    is_new = not Parcel.objects.filter(order_id=order_id).exists()
    if is_new:
        try:
            with transaction.atomic():
                Parcel.objects.create(order_id=order_id)
        except IntegrityError:
            is_new = False
    logger.info("order %s: %s", order_id, "packed" if is_new else "already packed")
