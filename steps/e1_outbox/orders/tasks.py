from celery import shared_task
from celery.utils.log import get_task_logger

from .models import Parcel

logger = get_task_logger(__name__)


@shared_task
def pack(order_id: int) -> None:
    """Pack an order once, even if the message comes twice."""
    # TODO c: if there is a parcel for this order already, leave it as it is, without an error.
    Parcel.objects.create(order_id=order_id)
    logger.info("order %s: packed", order_id)
