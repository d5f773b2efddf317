"""Stage 05: settings, and the app that reads them."""

import importlib
import os
from typing import Any

from workshop.checks.facts.common import address_of, broker_of, set_up


def setting_of_broker(environ: dict[str, str] | None = None) -> dict[str, Any] | None:
    """CELERY_BROKER_URL from Django's settings, parsed; None if it is not set."""
    os.environ.update(environ or {})
    address = getattr(_settings(), "CELERY_BROKER_URL", None)
    return None if address is None else address_of(address)


def names_of_settings() -> list[str]:
    """The names in settings.py that mention Celery or a broker."""
    module = importlib.import_module("celery_testing.settings")
    return sorted(n for n in vars(module) if "CELERY" in n.upper() or "BROKER" in n.upper())


def setting_of_imports() -> list[str] | str | None:
    """CELERY_IMPORTS from Django's settings, non-text as its repr; None if it is not set."""
    found = getattr(_settings(), "CELERY_IMPORTS", None)
    if found is None or isinstance(found, str):
        return found
    return [one if isinstance(one, str) else f"<{type(one).__name__}>" for one in found]


def _settings():
    from django.conf import settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "celery_testing.settings")
    return settings


def env_file() -> dict[str, Any]:
    """What settings.py has read from .env: its names, and whether BROKER_URL is set by now."""
    from dotenv import dotenv_values

    importlib.import_module("celery_testing.settings")
    try:
        names = list(dotenv_values(".env")) if os.path.isfile(".env") else None
    except UnicodeDecodeError:
        names = ["(it is not saved as UTF-8)"]
    return {"names": names, "loaded": "BROKER_URL" in os.environ}


def _app_of_project():
    """The app that `celery -A celery_testing` finds, whatever its name."""
    from celery.app.utils import find_app

    return find_app("celery_testing")


def app_of_project() -> dict[str, Any]:
    """The address that the project's app goes to."""
    return broker_of(_app_of_project())


def in_django() -> dict[str, Any]:
    """What a web process of the project has: the app that its task belongs to."""
    set_up()
    app = importlib.import_module("testing.workers").sum_number.app
    eager = bool(app.conf.task_always_eager)
    return {"broker": broker_of(app), "app_name": app.main, "eager": eager}


def worker_conf(worker: str, seconds: float) -> dict[str, Any]:
    """What a running worker reports about itself, in so many seconds: conf, stats, registered."""
    app = _app_of_project()
    inspect = app.control.inspect([worker], timeout=seconds, limit=1)
    return {
        "conf": (inspect.conf() or {}).get(worker),
        "broker": ((inspect.stats() or {}).get(worker) or {}).get("broker"),
        "registered": (inspect.registered() or {}).get(worker),
    }
