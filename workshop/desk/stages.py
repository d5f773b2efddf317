"""The overlay: lay a stage out in the desk, set it aside, solve it.

`start(N)` is, for every earlier stage, its steps and then its solutions, laid over one
another, then `steps/N`. `solved(N)` is `start(N)` and `solutions/N`. Whole files only.
An extra (E1, E2, …) builds on all numbered stages, and nothing builds on it.
"""

import contextlib
import os
import re
import shutil
import time
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workshop import places
from workshop.errors import CourseError

SHEET = "README.md"
# The guide's address. Its port becomes this checkout's own when a file is laid out.
GUIDE_ADDRESS = "localhost:5672"
HIDDEN = {"__pycache__", ".ipynb_checkpoints", ".ruff_cache", ".pytest_cache", "media"}
KEPT = re.compile(r"(?P<stage>\w+)-(?P<day>\d{8})-(?P<hour>\d{6})(-\d+)?")
TODO = re.compile(r"\bTODO ([a-z]):")
FROM_HERE_ON = ("app", "has_own_vhost")  # what a stage says about itself and all later ones


@dataclass(frozen=True)
class Stage:
    """One stage of the course, as steps/stages.toml lists it, which says what each field is."""

    name: str
    title: str
    minutes: int
    former_name: str = ""
    provides: str = ""
    app: str = ""
    has_own_vhost: bool = False
    demo: bool = False
    is_sick: bool = False

    @property
    def number(self) -> str:
        """`03`; of an extra `E1`, which sorts after all numbers."""
        return self.name[:2].upper()

    @property
    def is_extra(self) -> bool:
        return not self.name[0].isdigit()

    @property
    def step(self) -> Path:
        return places.STEPS / self.name

    @property
    def solution(self) -> Path:
        return places.SOLUTIONS / self.name

    @property
    def notebook(self) -> Path:
        return places.NOTEBOOKS / f"{self.name}.ipynb"

    @property
    def todo(self) -> list[str]:
        """The files that the learner works on and the solution changes, in order of their TODOs."""
        start = content(self, solved=False)

        def first(name: str) -> str:
            letters = TODO.findall(start[name].read_text())
            return min(letters, default="z")

        return sorted(files_in(self.solution).keys() & start, key=lambda name: (first(name), name))

    @property
    def path(self) -> Path:
        """The learner's folder, or that of the solved project if that is asked for."""
        return places.desk() / ".solved" / self.name if places.solved() else self.desk

    @property
    def desk(self) -> Path:
        return places.desk() / self.name


def all_stages() -> list[Stage]:
    """Every stage in its order, the extras last."""
    return list(_stages(places.STEPS / "stages.toml"))


def numbered() -> list[Stage]:
    """Every stage but the extras."""
    return [stage for stage in all_stages() if not stage.is_extra]


@cache
def _stages(file: Path) -> list[Stage]:
    found, so_far = [], {}
    for row in tomllib.loads(file.read_text())["stage"]:
        so_far.update({name: row[name] for name in FROM_HERE_ON if name in row})
        found.append(Stage(**{**so_far, **row}))
    return sorted(found, key=lambda stage: stage.number)


def before(stage: Stage) -> list[Stage]:
    """The stages that it builds on, in order."""
    return [earlier for earlier in numbered() if earlier.number < stage.number]


def find(word: str | int) -> Stage:
    """The stage of this number or name (`3`, `03`, `worker`, `03_worker`, `e1`)."""
    word = str(word).strip().rstrip("/")
    for stage in all_stages():
        if word in {stage.name, stage.name[3:], stage.former_name} - {""}:
            return stage
        if stage.number in (word.upper(), str(int(word)).zfill(2) if word.isdecimal() else ""):
            return stage
    names = ", ".join(stage.name for stage in all_stages())
    raise CourseError(f"there is no stage {word!r}.", f"the stages: {names}")


def files_in(folder: Path) -> dict[str, Path]:
    """The files below a folder, by their relative path; caches left out."""
    return {
        str(file.relative_to(folder)): file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not HIDDEN & set(file.relative_to(folder).parts)
    }


def layers(stage: Stage, solved: bool) -> list[Path]:
    """The folders whose files make the stage, lowest first."""
    folders = [folder for one in before(stage) for folder in (one.step, one.solution)]
    return [*folders, stage.step, *([stage.solution] if solved else [])]


def content(stage: Stage, solved: bool) -> dict[str, Path]:
    """Relative path → the file that the overlay shows there."""
    seen: dict[str, Path] = {}
    for folder in layers(stage, solved):
        seen.update(files_in(folder))
    return seen


def localized(source: Path, port: int) -> bytes:
    """A file as it is laid out: the guide's port replaced by this checkout's."""
    return source.read_bytes().replace(GUIDE_ADDRESS.encode(), f"localhost:{port}".encode())


def lay(stage: Stage, target: Path, *, solved: bool, port: int) -> None:
    """Lay the stage out in `target`, which must not be there yet: all of it, or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".laying-{target.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
    laying = target.parent / f".laying-{target.name}-{os.getpid()}"
    for name, source in content(stage, solved).items():
        file = laying / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(localized(source, port))
        file.chmod(source.stat().st_mode)
    laying.rename(target)


def begin(stage: Stage, *, port: int) -> bool:
    """Lay the stage out if it is not laid out yet; the learner's files are left alone.

    The solved project, asked for by WORKSHOP_SOLVED=1, is laid out again every time.
    Returns True if something was laid out.
    """
    solved = places.solved()
    if solved:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(stage.path)
    elif stage.path.exists():
        return False
    lay(stage, stage.path, solved=solved, port=port)
    return True


def back_up(stage: Stage) -> Path | None:
    """Move the learner's files to `desk/.kept/`; return where they are now, or None.

    The folder itself stays, empty, so that a terminal in it still works.
    """
    if not stage.desk.exists():
        return None
    kept = places.desk() / ".kept"
    name, number = f"{stage.name}-{time.strftime('%Y%m%d-%H%M%S')}", 0
    while True:
        aside = kept / (f"{name}-{number}" if number else name)
        with contextlib.suppress(FileExistsError):
            aside.mkdir(parents=True)
            break
        number += 1
    _move_content(stage.desk, aside)
    return aside


def _move_content(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        path.rename(target / path.name)


def replace(stage: Stage, *, solved: bool, port: int) -> Path | None:
    """Lay the stage out in place of the old files; return where those were backed up."""
    if not stage.desk.exists():
        lay(stage, stage.desk, solved=solved, port=port)
        return None
    new = stage.desk.with_name(f".anew-{stage.name}")
    shutil.rmtree(new, ignore_errors=True)
    lay(stage, new, solved=solved, port=port)
    aside = back_up(stage)
    _move_content(new, stage.desk)
    new.rmdir()
    return aside


def reset(stage: Stage, *, port: int) -> Path | None:
    """Lay the start of the stage out again; return where the learner's files were backed up."""
    return replace(stage, solved=False, port=port)


def solve(stage: Stage, *, port: int) -> Path | None:
    """Lay the solution out; return where the learner's files were backed up."""
    return replace(stage, solved=True, port=port)


@dataclass(frozen=True)
class Backup:
    """A backup, and when it was made: to the second, as `2026-11-23 09:30:12`."""

    path: Path
    stage: str
    when: str


def backups() -> list[Backup]:
    """The backups, newest first."""
    found = []
    for path in (places.desk() / ".kept").glob("*-*-*"):
        read = KEPT.fullmatch(path.name)
        if read and path.is_dir():
            day, hour = read["day"], read["hour"]
            when = f"{day[:4]}-{day[4:6]}-{day[6:]} {hour[:2]}:{hour[2:4]}:{hour[4:]}"
            found.append(Backup(path, read["stage"], when))
    return sorted(found, key=lambda one: (one.when, one.path.name), reverse=True)


def restore(stage: Stage, aside: Path) -> Path | None:
    """Restore a backup; return where the files that it replaces are backed up now."""
    now = back_up(stage)
    stage.desk.mkdir(parents=True, exist_ok=True)
    _move_content(aside, stage.desk)
    aside.rmdir()
    return now


def untouched(stage: Stage, name: str, port: int, todo: str = "") -> bool:
    """Whether the learner's file is still as the stage laid it out; or, with the letter of a TODO,
    the place where that is: its comment, and the line below.
    """
    source = content(stage, solved=False).get(name)
    file = stage.path / name
    if source is None or not file.is_file():
        return False
    start, now = localized(source, port), file.read_bytes()
    place = _place_of(todo, start) if todo else b""
    return now == start or (bool(place) and place in _lines(now))


def _place_of(todo: str, text: bytes) -> bytes:
    """A TODO's comment with everything down to the next line of code; b"" if it is not there."""
    below = rb"(?:[ \t]*(?:#.*)?\n)*.*\n"
    found = re.search(rb"(?m)^[ \t]*# TODO %b:.*\n" % todo.encode() + below, _lines(text))
    return found[0] if found else b""


def _lines(text: bytes) -> bytes:
    """The lines of a file, the last one with its end; and a mark for the end of all."""
    return text.rstrip(b"\n") + b"\n<end>\n"
