from celery import shared_task
from celery.utils.log import get_task_logger

from .models import Parcel

logger = get_task_logger(__name__)


@shared_task
def pack(order_id: int) -> None:
    """Pack an order once, even if the message comes twice."""
    # TODO c: if this order already has a parcel, leave it alone and raise no error.
    Parcel.objects.create(order_id=order_id)
    logger.info("order %s: packed", order_id)
