"""Python reads this at its start, in the processes that a check starts on a project.

It changes one thing: Celery's default queue, so that the check has a queue to itself. It waits
until the project imports Celery: the project decides which file that is, as in a process that
the learner starts.
"""

import os
import re
import sys
from importlib.util import find_spec
from itertools import pairwise

DEFAULTS = "celery.app.defaults"
DEFAULT_QUEUE = "celery"


def _change(module) -> None:
    queue = os.environ["WORKSHOP_QUEUE"]
    module.DEFAULTS["task_default_queue"] = queue
    # a worker that names the default queue means the same one: -Q celery, --queues=celery,mail
    for at, (before, word) in enumerate(pairwise(sys.argv), 1):
        if before in ("-Q", "--queues") or word.startswith(("-Q", "--queues=")):
            sys.argv[at] = re.sub(rf"(?<![^,=Q]){DEFAULT_QUEUE}(?![^,])", queue, word)


class _WhenImported:
    """Finds the one module as Python would, and changes it as soon as it has been run."""

    def find_spec(self, name, path=None, target=None):
        if name != DEFAULTS:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is None:
            return None
        run = spec.loader.exec_module

        def run_and_change(module) -> None:
            run(module)
            _change(module)

        spec.loader.exec_module = run_and_change
        return spec


if DEFAULTS in sys.modules:  # in a warm process
    _change(sys.modules[DEFAULTS])
else:
    sys.meta_path.insert(0, _WhenImported())
