"""A live course on Celery and Django. A notebook needs this module alone."""

import importlib

_HOMES = {
    "begin": "workshop.lesson.lesson",
    "doctor": "workshop.health.diagnosis",
    "status": "workshop.verbs",
}
__all__ = ["begin", "doctor", "pictures", "status"]


def __getattr__(name: str):
    # loaded when asked for: the command line and the guard start without the notebook's needs
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name == "pictures":
        return importlib.import_module("workshop.lesson.pictures")
    raise AttributeError(name)
