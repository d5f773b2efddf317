"""The guide's sum in parts: several processes count, one adds up."""

from celery import chord, shared_task
from celery.utils.log import get_task_logger

from receipts.models import write_receipt
from sums.models import stop_if_cancelled
from sums.parts import stop_with_the_job, tell_progress

logger = get_task_logger(__name__)

PARTS = 8


def cut(x):
    """The rows 0 to x - 1 as at most PARTS ranges, each (first, last), without the row last."""
    # TODO a: cut the rows into at most PARTS ranges of about the same length, none of them empty
    return [(0, x)]


@shared_task(bind=True)
def sum_in_parts(self, x, y):
    stop_if_cancelled(self)
    parts = [sum_rows.s(self.request.id, first, last, y) for first, last in cut(x)]
    logger.info("counting %s rows of %s in %s parts", x, y, len(parts))
    # TODO b: put a chord in this task's place (self.replace): all the parts, then add_up
    # TODO c: let say_failed be called where a part fails: add_up's signature has on_error


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
