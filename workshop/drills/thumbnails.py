"""Make thumbnails while something is killed. It works on the second broker (broker/spare.py)."""

import re
import shutil
from pathlib import Path

import httpx
from PIL import Image

from workshop.broker.spare import SecondBroker
from workshop.machine.patience import wait_until
from workshop.project.project import Project

WORKER = "celery -A celery_testing worker --loglevel=info -Q sums"
WHEN = 50  # thumbnails are done at the kill
DONE = "select count(*) from thumbnails_picture where done is not null"


def press(project: Project, path: str) -> httpx.Response:
    """Press the only button of a page, as a visitor does; return the answer."""
    page = project.get(path).text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    token = found[1] if found else ""
    return project.ask("POST", path, data={"csrfmiddlewaretoken": token})


def make_thumbnails(project: Project, second: SecondBroker, kill: str) -> dict[str, int]:
    """Make thumbnails of all the project's pictures; kill the "worker" or the "broker" meanwhile.

    Returns how many rows are `done`, and how many files are `broken`. The thumbnails are in a
    folder of the second broker.
    """
    other = project.on(second, f"thumbnails-{kill}")
    media = second.folder / f"media-{kill}"
    shutil.rmtree(media, ignore_errors=True)
    media.mkdir()
    (media / "pictures").symlink_to(project.path / "media" / "pictures")
    other.env["MEDIA_ROOT"] = str(media)
    other.shell("from thumbnails.services import *; find_new(); send_all()")
    [(count,)] = other.rows("select count(*) from thumbnails_picture")
    second.flush_to_disk()  # also the queue, which is a moment old

    def done() -> int:
        return other.rows(DONE)[0][0]

    worker = other.run(WORKER)
    wait_until(lambda: done() >= WHEN, limit=60, what=f"{WHEN} thumbnails")
    if kill == "worker":
        worker.kill()
        worker = other.run(WORKER)
    else:
        second.kill()
        second.start()
    wait_until(lambda: done() >= count, limit=120, what="the other thumbnails")
    worker.stop()
    names = [file.name for file in (media / "pictures").glob("*.jpg")]
    return {
        "done": done(),
        "broken": sum(_is_broken(media / "thumbnails" / name) for name in names),
    }


def _is_broken(file: Path) -> bool:
    try:
        with Image.open(file) as image:
            image.load()
    except OSError:
        return True
    return False
