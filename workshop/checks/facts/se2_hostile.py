"""Stage E2: what is accepted, what is sent, and what the task does with hostile arguments."""

import contextlib
import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workshop.checks.facts.common import publishing, set_up

KEY = "secret-key"  # of the one sum that is there; no export may show it
NAME, COLUMNS = "march-2026", ["x", "y"]


def accepted() -> list[str]:
    """The content types that a worker of the project accepts."""
    from kombu.serialization import prepare_accept_content

    set_up()
    app = importlib.import_module("celery_testing.celery").app
    return sorted(prepare_accept_content(app.conf.accept_content))


@contextlib.contextmanager
def _media() -> Iterator[Path]:
    """A folder for MEDIA_ROOT, with room around it, and one sum that was sent."""
    set_up()
    from django.conf import settings
    from django.utils import timezone

    models = importlib.import_module("sums.models")
    models.Job.objects.all().delete()
    models.Job.objects.create(x=3, y=4, key=KEY, sent=timezone.now())
    before = settings.MEDIA_ROOT
    with tempfile.TemporaryDirectory() as folder:
        settings.MEDIA_ROOT = Path(folder) / "a" / "media"
        try:
            yield Path(folder)
        finally:
            settings.MEDIA_ROOT = before


def _sent() -> tuple[Any, dict[str, Any]]:
    """The body of the message that `ask_for` sends, and its options."""
    services = importlib.import_module("exports.services")
    sent: list[tuple[Any, dict[str, Any]]] = []
    with publishing(lambda body, options: sent.append((body, options))):
        services.ask_for(NAME, set(COLUMNS))
    return sent[0] if len(sent) == 1 else (None, {"count": len(sent)})


def _with(value: Any, name: str, columns: list[str]) -> Any:
    """The arguments of a message, with another name and other columns in place of the usual."""
    if value == NAME:
        return name
    if value == ",".join(COLUMNS):
        return ",".join(columns)
    if isinstance(value, (list, tuple)) and sorted(map(str, value)) == COLUMNS:
        return columns
    if isinstance(value, (list, tuple)):
        return [_with(one, name, columns) for one in value]
    if isinstance(value, dict):
        return {key: _with(one, name, columns) for key, one in value.items()}
    return value


def _run(body: Any) -> str:
    """Run the task with the arguments of a message; return its error, or ""."""
    task = importlib.import_module("exports.tasks").write_export
    try:
        task(*body[0], **body[1])
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _files(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text(errors="replace")
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def exported() -> dict[str, Any]:
    """What `ask_for` sends, and what the task makes of it after it has been JSON."""
    from kombu.serialization import dumps, loads

    with _media() as folder:
        body, options = _sent()
        if body is None:
            return {"count": options["count"]}
        found: dict[str, Any] = {"count": 1, "serializer": options.get("serializer")}
        found["task"] = options["headers"]["task"]
        try:
            content_type, encoding, data = dumps(body, serializer="json")
        except Exception as error:
            return found | {"error": f"{type(error).__name__}: {error}"}
        found["error"] = _run(loads(data, content_type, encoding))
        return found | {"files": _files(folder)}


def hostile(names: list[str], columns: list[list[str]]) -> dict[str, Any]:
    """What hostile names and columns leave behind: files outside the folder, and a secret.

    The place of `{outside}` in a name is taken by a folder that is not MEDIA_ROOT.
    """
    found: dict[str, Any] = {"outside": {}, "shown": {}}
    with _media() as folder:
        body, _ = _sent()
        for name in names:
            whole = name.format(outside=folder / "b")
            (folder / "b").mkdir(exist_ok=True)
            _run(_with(body, whole, COLUMNS))
            for file in _files(folder):
                if not file.startswith("a/media/exports/"):
                    found["outside"][name] = file
                    (folder / file).unlink()
        for wanted in columns:
            _run(_with(body, "columns", wanted))
            if any(KEY in text for text in _files(folder).values()):
                found["shown"][", ".join(wanted)] = KEY
    return found
