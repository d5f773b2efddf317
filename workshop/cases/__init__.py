"""Sick systems, for the learner to find out what is wrong with them, and to cure them.

Each module that begins with `c` and a number holds one case.
"""

import importlib
import pkgutil
from functools import cache

from workshop.cases.case import Case
from workshop.cases.diagnoses import OTHERS


@cache
def all_cases() -> dict[int, Case]:
    """All cases, by their numbers."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name[0] == "c" and module.name[1:3].isdigit():
            loaded = vars(importlib.import_module(f"{__name__}.{module.name}")).values()
            [kind] = [
                one
                for one in loaded
                if isinstance(one, type) and issubclass(one, Case) and one is not Case
            ]
            found[int(module.name[1:3])] = kind()
    return found


def diagnoses() -> list[str]:
    """What may be wrong with a system: the faults of all cases, and others."""
    return sorted([case.name for case in all_cases().values()] + OTHERS)
