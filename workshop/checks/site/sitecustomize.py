"""Python reads this at its start, in the processes that a check starts on a project.

It changes one thing: Celery's default queue, so that the check has a queue to itself.
"""

import contextlib
import os

with contextlib.suppress(ImportError):
    from celery.app import defaults

    defaults.DEFAULTS["task_default_queue"] = os.environ["WORKSHOP_QUEUE"]
