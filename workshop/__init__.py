"""A live course on Celery and Django. A notebook needs this module alone."""

import importlib

__all__ = ["begin", "doctor", "pictures", "status"]


def lazily(homes):
    """A package's `__getattr__`: each name from its module, or the module, when it is asked for.

    The command line, a guard, a worker that includes a module of the package start without the
    rest.
    """

    def get(name):
        if name not in homes:
            raise AttributeError(name)
        module = importlib.import_module(homes[name])
        return module if homes[name].endswith("." + name) else getattr(module, name)

    return get


__getattr__ = lazily(
    {
        "begin": "workshop.lesson.lesson",
        "doctor": "workshop.health.diagnosis",
        "pictures": "workshop.lesson.pictures",
        "status": "workshop.verbs",
    }
)
