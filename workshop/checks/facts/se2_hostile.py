"""Stage E2: what is accepted, what is sent, and what the task does with hostile arguments."""

import contextlib
import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workshop.checks.facts.common import publishing, set_up

KEY = "secret-key"  # of the only sum; no export may contain it
NAME, COLUMNS = "march-2026", ["x", "y"]


def accepted() -> dict[str, Any]:
    """The content types that a worker of the project accepts, or the error of reading them."""
    from kombu.exceptions import SerializerNotInstalled
    from kombu.serialization import prepare_accept_content

    set_up()
    content = importlib.import_module("celery_testing.celery").app.conf.accept_content
    if isinstance(content, str) or not content:
        return {"types": [], "error": f"{content!r} is not a list with content types"}
    try:
        return {"types": sorted(prepare_accept_content(content)), "error": ""}
    except (SerializerNotInstalled, TypeError) as error:
        return {"types": [], "error": f"{error} ({content!r})"}


@contextlib.contextmanager
def _media() -> Iterator[Path]:
    """MEDIA_ROOT inside a larger temporary folder, and one sum that was sent."""
    set_up()
    from django.conf import settings
    from django.utils import timezone

    models = importlib.import_module("sums.models")
    models.Job.objects.all().delete()
    job = models.Job.objects.create(x=3, y=4, key=KEY, sent=timezone.now())
    models.Part.objects.create(job=job, first=0)
    before = settings.MEDIA_ROOT
    with tempfile.TemporaryDirectory() as folder:
        settings.MEDIA_ROOT = Path(folder) / "a" / "media"
        try:
            yield Path(folder)
        finally:
            settings.MEDIA_ROOT = before


def _sent() -> tuple[Any, dict[str, Any]]:
    """The body of the message that `request_export` sends, and its options."""
    services = importlib.import_module("exports.services")
    sent: list[tuple[Any, dict[str, Any]]] = []
    with publishing(lambda body, options: sent.append((body, options))):
        services.request_export(NAME, list(COLUMNS))
    return sent[0] if len(sent) == 1 else (None, {"count": len(sent)})


def _with(value: Any, name: str, columns: list[str]) -> Any:
    """A message's arguments, with its name and columns replaced."""
    if value == NAME:
        return name
    if value == ",".join(COLUMNS):
        return ",".join(columns)
    if isinstance(value, (list, tuple)) and sorted(map(str, value)) == COLUMNS:
        return columns
    if isinstance(value, (list, tuple)) and list(value) == [NAME, *COLUMNS]:
        return [name, *columns]
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
    """What `request_export` sends, and what the task does with it once it has been JSON."""
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


def hostile(names: list[str], columns: list[list[str]], allowed: list[str]) -> dict[str, Any]:
    """What hostile names and columns leave behind: files outside the folder, and other columns.

    `{outside}` in a name is replaced by a folder outside MEDIA_ROOT. `replaced` is whether the
    message has a name and columns that can be replaced.
    """
    found: dict[str, Any] = {"outside": {}, "shown": {}, "replaced": False}
    with _media() as folder:
        body, _ = _sent()
        arguments = [list(body[0]), dict(body[1])]
        as_sent = _with(arguments, NAME, COLUMNS)
        found["replaced"] = (
            _with(arguments, "other", COLUMNS) != as_sent != _with(arguments, NAME, ["key"])
        )
        exports = folder / "a" / "media" / "exports"
        (exports / "a").mkdir(parents=True)  # a way out of the folder may lead through another one
        (folder / "b").mkdir()
        for name in names:
            _run(_with(arguments, name.format(outside=folder / "b"), COLUMNS))
            for file in _files(folder):
                if not file.startswith("a/media/exports/"):
                    found["outside"][name] = file
                    (folder / file).unlink()
        for wanted in columns:
            for left in exports.glob("*.csv"):
                left.unlink()
            _run(_with(arguments, "columns", wanted))
            for text in _files(exports).values():
                head, *rows = text.splitlines() or [""]
                other = set(filter(None, head.split(","))) - set(allowed)
                if (other and rows) or KEY in text:
                    found["shown"][", ".join(wanted)] = text
    return found
