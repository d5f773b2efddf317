"""The first layer: functions, with a database and without a broker."""

import pytest

from receipts.models import Receipt, write_receipt
from sums import services
from sums.models import Job


@pytest.mark.django_db
def test_a_sum_that_ends_twice_has_one_receipt():
    job = Job.objects.create(x=3, y=4)
    for _ in range(2):
        write_receipt(job.task_id)
    assert job


@pytest.mark.django_db(transaction=True)
def test_a_worker_finds_the_job_of_its_message(monkeypatch, elsewhere):
    found = []

    def send(job):
        found.append(elsewhere(Job.objects.filter(pk=job.pk).exists))

    monkeypatch.setattr(services, "send", send)
    services.submit(3, 4)
    assert found == [True]
