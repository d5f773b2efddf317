"""Stage 20: how a thumbnail is made, what is sent, and when the page is full."""

import contextlib
import hashlib
import importlib
import io
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from workshop.checks.facts.common import set_up

NO_FILE = "no file"
LANDSCAPE, PORTRAIT = (320, 240), (60, 200)


class Killed(BaseException):
    """What no code of the task catches, as it would catch no SIGKILL."""


@contextlib.contextmanager
def pictures(*sizes: tuple[int, int]) -> Iterator[list[Any]]:
    """Rows and files of pictures of these sizes, in a folder that is removed afterward."""
    set_up()
    from django.conf import settings
    from PIL import Image

    models = importlib.import_module("thumbnails.models")
    before = settings.MEDIA_ROOT
    with tempfile.TemporaryDirectory() as folder:
        settings.MEDIA_ROOT = Path(folder)
        models.Picture.objects.all().delete()
        for number, size in enumerate(sizes):
            file = models.folder("pictures") / f"{number}.jpg"
            Image.effect_noise(size, 60).convert("RGB").save(file)
            models.Picture.objects.create(name=file.name)
        try:
            yield list(models.Picture.objects.all())
        finally:
            settings.MEDIA_ROOT = before


def _make(picture: Any, errors: type[Exception] = OSError) -> str:
    """Run the task; return its error, or ""."""
    task = importlib.import_module("thumbnails.tasks").make_thumbnail
    try:
        task(picture.name)
    except errors as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _seen(picture: Any) -> dict[str, Any]:
    """A thumbnail as it is: its size and format, or what is wrong with it; and its row."""
    from PIL import Image

    picture.refresh_from_db()
    found: dict[str, Any] = {"done": picture.done is not None, "error": ""}
    try:
        with Image.open(picture.thumbnail) as image:
            image.load()
            found |= {"size": image.size, "format": image.format}
    except FileNotFoundError:
        found["error"] = NO_FILE
    except OSError as error:
        found["error"] = str(error).replace(str(picture.thumbnail), picture.name)
    return found


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


def thumbnails() -> dict[str, Any]:
    """What the task makes of a landscape and a portrait, of one twice, and of no picture at all."""
    with pictures(LANDSCAPE, PORTRAIT, LANDSCAPE) as (wide, high, broken):
        before = _digest(wide.original)
        found: dict[str, Any] = {"errors": [_make(wide), _make(high)]}
        found |= {"wide": _seen(wide), "high": _seen(high)}
        found["original"] = _digest(wide.original) == before
        found["again"] = _make(wide)
        found["twice"] = _seen(wide)
        broken.original.write_bytes(b"no picture")
        found["of_broken"] = _make(broken, Exception)  # Pillow's own, or another
        found["broken"] = _seen(broken)
    return found


def killed() -> dict[str, Any]:
    """What is left if the task is killed while it writes, and after it has run again."""
    from PIL import Image

    whole, whole_bytes = Image.Image.save, Path.write_bytes

    def half(self: Any, file: Any, *args: Any, **options: Any) -> None:
        whole(self, file, *args, **options)
        if isinstance(file, io.BytesIO):  # nothing is on the disk yet
            return
        if not isinstance(file, (str, Path)):
            file.flush()
        name = Path(file if isinstance(file, (str, Path)) else file.name)
        whole_bytes(name, name.read_bytes()[: name.stat().st_size // 2])
        raise Killed

    def half_of_bytes(self: Path, data: bytes) -> int:
        whole_bytes(self, data[: len(data) // 2])
        raise Killed

    with pictures(LANDSCAPE) as (picture,):
        is_killed = False
        with (
            mock.patch.object(Image.Image, "save", half),
            mock.patch.object(Path, "write_bytes", half_of_bytes),
        ):
            try:
                _make(picture)
            except Killed:
                is_killed = True
        found: dict[str, Any] = {"killed": is_killed, "left": _seen(picture)}
        found |= {"error": _make(picture), "after": _seen(picture)}
        inode, time = _identity(picture.thumbnail)
        _make(picture)
        then = _identity(picture.thumbnail)
        # written again, and not replaced: somebody who reads it then sees a part of it
        found["in_place"] = then[0] == inode and then[1] != time
    return found


def _identity(file: Path) -> tuple[int, int]:
    if not file.exists():
        return 0, 0
    facts = file.stat()
    return facts.st_ino, facts.st_mtime_ns


def sent_pictures(accepted: int) -> dict[str, Any]:
    """What `send_all` sends for five pictures if the broker accepts only so many at first.

    `first` and `second` are two calls: the names in the messages, how many rows are marked as
    sent, the largest message in bytes, what the call returned or raised, and whether it would have
    tried again for minutes if the broker did not answer.
    """
    from django.utils import timezone
    from kombu.exceptions import OperationalError

    set_up()
    app = importlib.import_module("celery_testing.celery").app
    services = importlib.import_module("thumbnails.services")
    messages = importlib.import_module("kombu.messaging")
    whole, count, retries = messages.Producer.publish, 0, False

    def publish(self: Any, *args: Any, **options: Any) -> Any:
        nonlocal count, retries
        if "task" not in (options.get("headers") or {}):  # an event about a task
            return whole(self, *args, **options)
        if count >= accepted:
            raise OperationalError("refused") from TimeoutError()
        count += 1
        retries = retries or bool(options.get("retry"))
        said = whole(self, *args, **options)
        of_task, by_name, _ = args[0]  # and a worker is as quick as can be
        made.filter(name__in=[*of_task, *by_name.values()]).update(done=timezone.now())
        return said

    def call() -> dict[str, Any]:
        try:
            said = repr(services.send_all())
        except Exception as error:  # which one it is, the check says
            said = type(error).__name__
        return {"said": said, **_messages(app)}

    found: dict[str, Any] = {}
    with pictures(*[(20, 20)] * 5) as rows:
        made = type(rows[0]).objects
        _messages(app)  # takes what is there
        for name, fun in (("first", publish), ("second", whole)):
            with mock.patch.object(messages.Producer, "publish", fun):
                found[name] = call()
            found[name]["retries"] = retries
            found[name]["undone"] = made.exclude(sent=None).filter(done=None).count()
            found[name]["marked"] = made.exclude(sent=None).count()
    return found


def _messages(app: Any) -> dict[str, Any]:
    """Take all messages out of the default queue."""
    found: dict[str, Any] = {"names": [], "tasks": [], "bytes": 0}
    with app.connection_for_write() as connection:
        queue = app.amqp.queues[app.conf.task_default_queue](connection.default_channel)
        queue.declare()
        while message := queue.get(no_ack=True):
            args, kwargs, _ = json.loads(message.body)
            found["names"].append([*args, *kwargs.values()][0] if args or kwargs else None)
            found["tasks"].append(message.headers["task"])
            found["bytes"] = max(found["bytes"], len(message.body))
    return found


def grids() -> dict[str, Any]:
    """The answers for the grid with two of three done, and with all done.

    Each is the status, how many images it shows, and the first lines of its text.
    """
    from django.test import Client
    from django.utils import timezone

    found = {}
    with pictures(*[(20, 20)] * 4) as (_, *sent):  # the first was not sent
        for name, done in (("some", 2), ("all", 3)):
            for number, picture in enumerate(sent):
                picture.sent = timezone.now()
                picture.done = timezone.now() if number < done else None
                picture.save()
            answer = Client(SERVER_NAME="localhost").get("/thumbnails/grid/")
            text = answer.content.decode()
            said = " ".join(re.sub(r"<.*?>", " ", text, flags=re.DOTALL).split())
            found[name] = {
                "status": answer.status_code,
                "images": text.count("<img"),
                "text": said[:60],
            }
    return found
