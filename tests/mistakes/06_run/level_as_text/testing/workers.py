from celery import shared_task
from celery.utils.log import get_task_logger

logger = get_task_logger(__name__)


@shared_task
def sum_number(x, y):
    logger.log("INFO", "counting %s rows of %s", x, y)
    num = 0
    for _ in range(x):
        for _ in range(y):
            num += 1
    return num
