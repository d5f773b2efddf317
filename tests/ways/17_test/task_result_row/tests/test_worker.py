"""The third layer: a real worker on a real broker, for what only they can show."""

import time

import pytest

from receipts.models import Receipt
from sums.services import submit


@pytest.mark.django_db(transaction=True)
def test_a_sum_is_counted_and_has_its_receipt(worker):
    job = submit(3, 4)
    while not job.outcome.is_over:
        time.sleep(0.05)
        del job.outcome
    assert job.outcome.result == 12
    assert Receipt.objects.filter(job=job).exists()
