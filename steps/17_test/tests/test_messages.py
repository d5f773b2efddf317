"""The second layer: what senders and workers agree on, without a database or a broker."""

import json
from pathlib import Path

from celery import current_app

current_app.loader.import_default_modules()  # only a worker does this by itself
MESSAGES = json.loads(Path(__file__).with_name("messages.json").read_text())

# TODO c: test that each message in MESSAGES fits the arguments of its task, and that each task of
# this project has a time limit.
