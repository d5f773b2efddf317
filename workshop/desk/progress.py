"""What the learner has done, in `desk/.progress.json`: one record per stage, by its name.

The file is replaced as a whole, so that a crash leaves either the old one or the new one.
A record outlives the stage's folder, and the stage's name: stages.toml lists the former one.
"""

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop import places
from workshop.desk import stages
from workshop.machine.files import locked, write_whole
from workshop.report import Report

NOT_BEGUN, BEGUN, DONE, SOLVED = "not begun", "begun", "done", "solved for you"
# between two commands: longer than this, and the learner was away from the desk
PAUSE_SECONDS = 600
RUNTIME_SUFFIXES = (".sqlite3", ".pyc", "-journal", "-wal", "-shm", ".log")


@dataclass(frozen=True)
class Row:
    """One stage's line of `status`. `seconds` were spent; `right` of `whole` items are right."""

    stage: stages.Stage
    state: str
    seconds: float
    right: int = 0
    whole: int = 0
    is_gone: bool = False


def file() -> Path:
    return places.desk() / ".progress.json"


def read() -> dict[str, dict]:
    """All records by their stages' names; one that cannot be read is ignored."""
    try:
        found = json.loads(file().read_text())
        records = {key: facts for key, facts in found.items() if isinstance(facts, dict)}
    except (OSError, ValueError, AttributeError):
        return {}
    # formerly, the key was the number, and the name was only in the record
    named = {facts.get("name", key): facts for key, facts in records.items()}
    now = {stage.former_name: stage.name for stage in stages.all_stages() if stage.former_name}
    return {now.get(name, name): facts for name, facts in named.items()}


@contextlib.contextmanager
def record(stage: stages.Stage) -> Iterator[dict]:
    """The stage's record, to change; changes are saved when the block ends.

    Nothing is saved for a solved project, which is not the learner's work.
    """
    if places.solved():
        yield {}
        return
    places.desk().mkdir(parents=True, exist_ok=True)
    with locked(places.desk() / ".progress.lock"):
        everything = read()
        if file().exists() and not everything:
            _set_aside_if_unreadable()
        facts = everything.setdefault(stage.name, {})
        now = time.time()
        away = now - facts.get("last", now)
        facts["seconds"] = facts.get("seconds", 0) + min(max(away, 0), PAUSE_SECONDS)
        facts.update(name=stage.name, last=now)
        yield facts
        write_whole(file(), json.dumps(everything, ensure_ascii=False, indent=1))


def _set_aside_if_unreadable() -> None:
    """Keep a file that is not JSON next to the new one: somebody may fix it by hand."""
    try:
        json.loads(file().read_text())
    except (OSError, ValueError):
        file().replace(file().with_suffix(".unreadable"))


# --- what is noted -------------------------------------------------------------------------


def record_begun(stage: stages.Stage) -> None:
    with record(stage) as facts:
        facts["begun"] = True


def record_relaid(stage: stages.Stage, *, solved: bool) -> None:
    """The stage was reset or solved: its last report is about other files."""
    with record(stage) as facts:
        facts.update(begun=True, solved=solved)
        for old in ("report", "files", "hints"):
            facts.pop(old, None)


def record_check(stage: stages.Stage, report: Report, files: str) -> None:
    """Keep what the check found, and for which files: their `fingerprint` from before it."""
    with record(stage) as facts:
        facts["begun"] = True
        if not report.machine_problems:
            facts.update(report=report.as_data(), files=files)
        if report.passed and not facts.get("solved"):
            facts["done"] = True


def fingerprint(stage: stages.Stage) -> str:
    """The fingerprint of the learner's files as they are now."""
    seen = hashlib.sha1(usedforsecurity=False)
    if stage.path.exists():
        for name, path in stages.files_in(stage.path).items():
            if not name.endswith(RUNTIME_SUFFIXES):
                with contextlib.suppress(OSError):
                    seen.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return seen.hexdigest()


def last_report(stage: stages.Stage) -> Report | None:
    """The last report of the check, if the files are still the ones that it looked at."""
    facts = read().get(stage.name, {})
    if "report" in facts and facts.get("files") == fingerprint(stage):
        with contextlib.suppress(TypeError, KeyError):
            return Report.from_data(facts["report"])
    return None


def next_step(stage: stages.Stage, item: str, seen: str, steps: int) -> int:
    """Which hint is next for this item: 0 at first, then one further each time, up to the last.

    Another mistake, which is `seen` as other words (numbers may differ), begins again at 0.
    """
    mistake = re.sub(r"\d+", "", seen)
    with record(stage) as facts:
        asked = facts.setdefault("hints", {})
        before = asked.get(item)
        same = isinstance(before, dict) and before["mistake"] == mistake
        step = min(before["step"] + 1, steps - 1) if same else 0
        asked[item] = {"step": step, "mistake": mistake}
    return step


# --- what is reported ----------------------------------------------------------------------


def rows() -> list[Row]:
    """Every stage of the course with its state."""
    found = read()
    return [_row(stage, found.get(stage.name, {})) for stage in stages.all_stages()]


def _row(stage: stages.Stage, facts: dict) -> Row:
    there, right, whole = stage.desk.exists(), 0, 0
    with contextlib.suppress(TypeError, KeyError):
        report = Report.from_data(facts["report"])
        right, whole = report.right, len(report.items)
    if facts.get("solved"):
        state = SOLVED
    elif facts.get("done"):
        state = DONE
    elif whole:
        state = f"{right} of {whole}"
    else:
        state = BEGUN if facts or there else NOT_BEGUN
    gone = bool(facts) and not there
    return Row(stage, state, facts.get("seconds", 0), right, whole, gone)


def last_begun() -> stages.Stage | None:
    """The stage that the learner worked on last."""
    found = read()
    known = [stage for stage in stages.all_stages() if stage.name in found]
    return max(known, key=lambda stage: found[stage.name].get("last", 0), default=None)


def next_stage() -> stages.Stage | None:
    """The stage to continue with: the last one begun, or the first open one after it.

    If none after it is open, the first open one of all; None if all are done.
    """
    open_ = [row.stage for row in rows() if row.state not in (DONE, SOLVED)]
    last = last_begun()
    from_here = [stage for stage in open_ if last and stage.number >= last.number]
    return next(iter(from_here or open_), None)


def old_folder(stage: stages.Stage) -> Path | None:
    """The learner's folder of this stage from a time when the stage had another name."""
    folder = places.desk() / stage.former_name
    return folder if stage.former_name and folder.is_dir() else None
