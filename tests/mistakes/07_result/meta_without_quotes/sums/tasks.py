from celery import Task, shared_task, states
from celery.exceptions import Ignore
from celery.utils.log import get_task_logger

from .counting import count
from .models import Job

logger = get_task_logger(__name__)


@shared_task(bind=True)
def sum_number(self: Task, x: int, y: int) -> int:
    logger.info("counting %s rows of %s", x, y)

    def report(done: int) -> None:
        stop_if_cancelled(self)
        self.update_state(state="PROGRESS", meta={done: done, total: x})

    return count(range(x), y, report)


def stop_if_cancelled(task: Task) -> None:
    """End the task, in the state REVOKED, if its job has been cancelled."""
    if Job.objects.cancelled().filter(pk=task.request.id).exists():
        task.update_state(state=states.REVOKED)
        raise Ignore
