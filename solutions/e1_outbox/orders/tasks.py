from celery import shared_task
from celery.utils.log import get_task_logger

from .models import Parcel

logger = get_task_logger(__name__)


@shared_task
def pack(order_id: int) -> None:
    """Pack an order once, even if the message comes twice."""
    _, is_new = Parcel.objects.get_or_create(order_id=order_id)
    logger.info("order %s: %s", order_id, "packed" if is_new else "already packed")
