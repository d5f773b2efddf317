"""Python reads this at its start, in the processes that a check starts on a project.

It changes one thing: Celery's default queue, so that the check has a queue to itself. It waits
until the project imports Celery: the project decides which file that is, as in a process that
the learner starts.
"""

import os
import sys
from importlib.util import find_spec

DEFAULTS = "celery.app.defaults"


def _change(module) -> None:
    module.DEFAULTS["task_default_queue"] = os.environ["WORKSHOP_QUEUE"]


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
