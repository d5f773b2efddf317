"""The first layer: functions, with a database and without a broker."""

import inspect
import json
from pathlib import Path

import pytest
from celery import current_app
from celery.result import AsyncResult

from receipts.models import Receipt, write_receipt
from sums import services
from sums.models import Job


from sums.services import submit


current_app.loader.import_default_modules()  # only a worker registers all tasks by itself
MESSAGES = json.loads(Path(__file__).with_name("messages.json").read_text())
TASKS = sorted(name for name in current_app.tasks if not name.startswith("celery."))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["task"])
def test_a_message_that_still_waits_fits_its_task(message):
    task = current_app.tasks[message["task"]]
    inspect.signature(task.run).bind(*message["args"], **message["kwargs"])


@pytest.mark.parametrize("name", TASKS)
def test_each_task_has_a_time_limit(name):
    assert current_app.tasks[name].time_limit


@pytest.mark.django_db
def test_a_sum_that_ends_twice_has_one_receipt():
    job = Job.objects.create(x=3, y=4)
    for _ in range(2):
        write_receipt(job.task_id)
    assert Receipt.objects.filter(job=job).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_finds_the_job_of_its_message(monkeypatch, elsewhere):
    found = []

    def send(job):
        found.append(elsewhere(Job.objects.filter(pk=job.pk).exists))

    monkeypatch.setattr(services, "send", send)
    services.submit(3, 4)
    assert found == [True]


@pytest.mark.django_db(transaction=True)
def test_a_sum_is_counted_and_has_its_receipt(worker):
    job = submit(3, 4)
    assert AsyncResult(job.task_id).get(timeout=20, interval=0.05) == 12
    assert Receipt.objects.filter(job=job).exists()
