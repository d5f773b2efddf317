"""The learner's own copies of the lessons, in desk/lessons/: without the cells' outputs.

The lessons in notebooks/ stay as they are. So `git pull` finds them untouched, and nobody sees
an answer before they have run the cell.
"""

import contextlib
import hashlib
import json
import os
import re
import time
from pathlib import Path

from workshop import places
from workshop.desk import stages
from workshop.machine.files import write_whole

LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)[^)#\s]+")  # of Markdown, to a file
NAMES = "[0-9e][0-9]_*.ipynb"
STAMP = "celery_django_course"  # in a copy's metadata: which version of the lesson it was made from


def folder() -> Path:
    return places.desk() / "lessons"


def ensure_copy(name: str) -> Path:
    """The copy of a lesson, made if there is none; the learner's own is left alone."""
    copy = folder() / f"{name}.ipynb"
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_whole(copy, _without_outputs(places.NOTEBOOKS / copy.name))
    return copy


def lay_all() -> None:
    """Copy every lesson, since each links to the next. A copy with a former name is backed up."""
    for stage in stages.all_stages():
        if stage.former_name and (folder() / f"{stage.former_name}.ipynb").exists():
            set_aside(stage.former_name, stage.name)
    for lesson in places.NOTEBOOKS.glob(NAMES):
        ensure_copy(lesson.stem)


def replace_copy(name: str) -> Path | None:
    """Make a new copy in place of the learner's; return where that one was backed up."""
    aside = set_aside(name, name) if (folder() / f"{name}.ipynb").exists() else None
    ensure_copy(name)
    return aside


def set_aside(name: str, stage: str) -> Path:
    """Move a copy out of the way: its new name has this stage and the time in it."""
    aside = folder() / f"{stage}-{time.strftime('%Y%m%d-%H%M%S')}.ipynb"
    return (folder() / f"{name}.ipynb").replace(aside)


def is_old(name: str) -> bool:
    """Whether the lesson has changed since its copy was made."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        book = json.loads((folder() / f"{name}.ipynb").read_text(encoding="utf-8"))
        return book["metadata"][STAMP] != _fingerprint(places.NOTEBOOKS / f"{name}.ipynb")
    return False


def _fingerprint(lesson: Path) -> str:
    return hashlib.sha1(lesson.read_bytes(), usedforsecurity=False).hexdigest()


def _without_outputs(lesson: Path) -> str:
    book = json.loads(lesson.read_text(encoding="utf-8"))
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
        else:
            text = "".join(cell["source"])
            cell["source"] = LINK.sub(_as_seen_from_here, text).splitlines(keepends=True)
    book["metadata"][STAMP] = _fingerprint(lesson)
    return json.dumps(book, ensure_ascii=False, indent=1) + "\n"


def _as_seen_from_here(link: re.Match) -> str:
    """Another lesson is next to this one; everything else is where it was."""
    target = places.NOTEBOOKS / link[0]
    if target.parent == places.NOTEBOOKS and target.suffix == ".ipynb":
        return link[0]
    return os.path.relpath(target, places.CHECKOUT / "desk" / "lessons")
