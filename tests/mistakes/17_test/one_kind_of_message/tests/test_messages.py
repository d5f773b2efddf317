"""The second layer: what senders and workers agree on, without a database or a broker."""

import inspect
import json
from pathlib import Path

import pytest
from celery import current_app

current_app.loader.import_default_modules()  # only a worker does this by itself
MESSAGES = json.loads(Path(__file__).with_name("messages.json").read_text())
TASKS = sorted(name for name in current_app.tasks if not name.startswith("celery."))


@pytest.mark.parametrize("message", MESSAGES[4:5], ids=lambda message: message["task"])
def test_a_message_that_still_waits_fits_its_task(message):
    task = current_app.tasks[message["task"]]
    inspect.signature(task.run).bind(*message["args"], **message["kwargs"])


@pytest.mark.parametrize("name", TASKS)
def test_each_task_has_a_time_limit(name):
    assert current_app.tasks[name].time_limit
