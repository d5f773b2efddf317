from celery import shared_task
from celery.utils.log import get_task_logger

from sums.models import stop_if_cancelled

logger = get_task_logger(__name__)


@shared_task(bind=True)
def sum_number(self, x, y):
    logger.info("counting %s rows of %s", x, y)
    step = max(1, x // 50)
    num = 0
    for row in range(x):
        if row % step == 0 and not self.request.called_directly:
            stop_if_cancelled(self)
            self.update_state(state="PROGRESS", meta={"done": row})
        for _ in range(y):
            num += 1
    return num
