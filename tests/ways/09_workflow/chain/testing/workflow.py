"""The guide's sum in parts: several processes count, one adds up."""

from celery import chain, group, shared_task
from celery.utils.log import get_task_logger

from receipts.models import write_receipt
from sums.models import stop_if_cancelled
from sums.parts import stop_with_the_job, tell_progress

logger = get_task_logger(__name__)

PARTS = 8


def cut(x):
    """The rows 0 to x - 1 as at most PARTS ranges, each (first, last), without the row last."""
    rows = -(-x // PARTS)
    return [(first, min(first + rows, x)) for first in range(0, x, rows)]


@shared_task(bind=True)
def sum_in_parts(self, x, y):
    stop_if_cancelled(self)
    parts = [sum_rows.s(self.request.id, first, last, y) for first, last in cut(x)]
    logger.info("counting %s rows of %s in %s parts", x, y, len(parts))
    raise self.replace(chain(group(parts), add_up.s().on_error(say_failed.s())))


@shared_task(bind=True, track_started=False)  # STARTED would hide that it has a result already
def sum_rows(self, job_id, first, last, y):
    step = max(1, (last - first) // 10)
    num = 0
    for row in range(first, last):
        if (row - first) % step == 0 and not self.request.called_directly:
            stop_with_the_job(self, job_id)
        for _ in range(y):
            num += 1
    if not self.request.called_directly:
        tell_progress(self, job_id)
    return num


@shared_task(bind=True, track_started=False)  # STARTED would put the bar back to nought
def add_up(self, counts):
    if not self.request.called_directly:
        write_receipt(self.request.id)
    return sum(counts)


@shared_task
def say_failed(request, error, traceback):
    logger.error("the sum %s is not complete: %s", request.id, error)
