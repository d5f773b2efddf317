"""The third layer: a real worker on a real broker, for what only they can show."""

from celery.result import AsyncResult

from receipts.models import Receipt
from sums.services import submit


def test_a_sum_is_counted_and_has_its_receipt(worker):
    job = submit(3, 4)
    assert AsyncResult(job.task_id).get(timeout=20, interval=0.05) == 12
