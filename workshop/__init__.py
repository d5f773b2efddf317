"""A live course on Celery and Django. A notebook needs only this module."""

import pkgutil


def lazy_exports(homes):
    """A package's `__all__` and `__getattr__`, from `{module: names}`: each is loaded on first use.

    So the command line, a guard, or a worker that includes a module of the package starts without
    the rest.
    """
    where = {name: f"{home}.{name}" for home, names in homes.items() for name in names}

    def get(name):
        if name not in where:
            raise AttributeError(name)
        return pkgutil.resolve_name(where[name])

    return list(where), get


__all__, __getattr__ = lazy_exports(
    {
        "workshop.health.diagnosis": ["doctor"],
        "workshop.lesson": ["pictures"],
        "workshop.lesson.lesson": ["begin"],
        "workshop.verbs": ["status"],
    }
)
