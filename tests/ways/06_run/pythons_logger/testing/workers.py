from celery import shared_task
import logging

logger = logging.getLogger(__name__)


@shared_task
def sum_number(x, y):
    logger.log(logging.INFO, "x=%d, y=%d", x, y)
    num = 0
    for _ in range(x):
        for _ in range(y):
            num += 1
    return num
