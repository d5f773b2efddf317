"""Stage E2: only JSON is accepted and sent, and the task trusts no argument."""

import pickle
from pathlib import Path
from typing import Any

from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine.patience import NotYet, wait_until
from workshop.project.manage import manage
from workshop.project.raw import publish_raw

check = Check(__file__)
SETTINGS, SERVICES, TASKS = "celery_testing/settings.py", "exports/services.py", "exports/tasks.py"
TASK = "exports.tasks.write_export"
JSON, PICKLE = "application/json", "application/x-python-serialize"
NAMES = ["../escaped", "../../../b/escaped", "{outside}/escaped", "a/../../escaped"]
ALLOWED = ["x", "y", "created", "sent"]
COLUMNS = [["key"], ["x", "key"], ["id"], ["cancelled"], ["parts__job__key"], []]
ASK = "from exports.services import request_export; request_export('march-2026', ['x', 'y'])"


@check.item(todo="a", file=SETTINGS)
def only_json_is_accepted(look: Look) -> str:
    look.needs_file(SETTINGS)
    found = look.ask("accepted")
    types = ", ".join(found["types"])
    if found["error"]:
        raise check.wrong("cannot_be_read", error=found["error"])
    if PICKLE in found["types"]:
        raise check.wrong("accepts_pickle", types=types)
    if JSON not in found["types"]:
        raise check.wrong("refuses_json", types=types)
    if found["types"] != [JSON]:
        raise check.wrong("accepts_more", types=types)
    return check.says("accepts", types=types)


def exported(look: Look) -> dict[str, Any]:
    look.needs_file(SERVICES)
    look.needs_file(TASKS)
    look.migrate()
    return look.once("exported", lambda: look.ask("exported"))


@check.item(todo="b", file=SERVICES)
def json_is_sent(look: Look) -> None:
    found = exported(look)
    if found["count"] != 1:
        raise check.wrong("other_count", count=found["count"])
    if found["serializer"] not in (None, "json"):
        raise check.wrong("other_serializer", serializer=found["serializer"])
    if found["task"] != TASK:
        raise check.wrong("other_task", task=found["task"])
    if "files" not in found:
        raise check.wrong("not_json", error=found["error"])


@check.item(todo="b", file=TASKS, needs=(json_is_sent,))
def task_writes_the_export(look: Look) -> str:
    found = exported(look)
    if found["error"]:
        raise check.wrong("raised", error=found["error"])
    if list(found["files"]) != ["a/media/exports/march-2026.csv"]:
        raise check.wrong("other_files", files=", ".join(found["files"]) or "none")
    [text] = found["files"].values()
    if text.split() != ["x,y", "3,4"]:
        raise check.wrong("other_text", text=" / ".join(text.split()))
    return check.says("written")


@check.item(todo="c", file=TASKS, needs=(task_writes_the_export,))
def task_trusts_no_argument(look: Look) -> None:
    found = look.ask("hostile", names=NAMES, columns=COLUMNS, allowed=ALLOWED)
    if not found["replaced"]:
        raise check.wrong("hidden_arguments")
    if found["outside"]:
        name, file = next(iter(found["outside"].items()))
        raise check.wrong("escaped", name=name.format(outside="/tmp"), file=Path(file).name)
    if found["shown"]:
        raise check.wrong("shows_the_key", columns=next(iter(found["shown"])) or "(none)")


class Hostile:
    """Reading its pickle creates a file."""

    def __init__(self, file: Path):
        self.file = file

    def __reduce__(self) -> tuple:
        return Path.touch, (self.file,)


@check.item(needs=(only_json_is_accepted, task_writes_the_export), is_drill=True)
def worker_survives(look: Look) -> str:
    """Send a real worker a pickle, then a normal request for an export."""
    trace = look.folder / "the_pickle_was_read"
    export = look.folder / "media" / "exports" / "march-2026.csv"
    look.start_worker(env={"MEDIA_ROOT": str(look.folder / "media")})
    body = pickle.dumps(([Hostile(trace)], {}, {}))
    publish_raw(look.broker, look.vhost, TASK, body, PICKLE)
    manage(look.path, look.environment, "shell", "--verbosity", "0", "-c", ASK)
    try:
        wait_until(export.exists, limit=30, what="the export")
    except NotYet:
        raise check.wrong("no_export") from None
    if trace.exists():
        raise check.wrong("code_ran")
    return check.says("refused")
