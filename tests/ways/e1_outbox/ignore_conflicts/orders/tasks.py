from celery import shared_task
from celery.utils.log import get_task_logger

from .models import Parcel

logger = get_task_logger(__name__)


@shared_task
def pack(order_id: int) -> None:
    """Pack an order once, even if the message comes twice."""
    Parcel.objects.bulk_create([Parcel(order_id=order_id)], ignore_conflicts=True)
    is_new = True
    logger.info("order %s: %s", order_id, "packed" if is_new else "already packed")
