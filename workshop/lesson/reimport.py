"""Import the project's modules as they are now: each saved change at the next import."""

import contextlib
import sys
from pathlib import Path

from workshop import places


def import_from(project: Path) -> None:
    """Let this process import the project, and see each saved change at its next import."""
    for old in [part for part in sys.path if Path(part).is_relative_to(places.desk())]:
        sys.path.remove(old)
    sys.path.insert(0, str(project))
    _forget()
    with contextlib.suppress(NameError, AttributeError):
        events = get_ipython().events  # type: ignore[name-defined]  # noqa: F821
        with contextlib.suppress(ValueError):
            events.unregister("pre_run_cell", _forget_if_changed)
        events.register("pre_run_cell", _forget_if_changed)


def _project_modules() -> dict[str, Path]:
    desk = places.desk()
    return {
        name: Path(file)
        for name, module in list(sys.modules.items())
        if (file := getattr(module, "__file__", None)) and Path(file).is_relative_to(desk)
    }


_seen: dict[str, float] = {}


def _forget(*_) -> None:
    for name in _project_modules():
        del sys.modules[name]
    _seen.clear()


def _forget_if_changed(*_) -> None:
    for name, file in _project_modules().items():
        with contextlib.suppress(OSError):
            saved = file.stat().st_mtime
            if _seen.setdefault(name, saved) != saved:
                _forget()
                return
