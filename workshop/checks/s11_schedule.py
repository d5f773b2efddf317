"""Stage 11: work that starts by the clock: an entry, a zone, a report that is written once."""

import contextlib
import re
import sqlite3
from typing import Any

from workshop.broker import login
from workshop.causes import likely_cause
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine import process
from workshop.machine.patience import NotYet, by_clock, wait_until
from workshop.machine.process import Running
from workshop.project import probe
from workshop.project.clock import rewind_last_run

check = Check(__file__)
SETTINGS, TASKS = "celery_testing/settings.py", "reports/tasks.py"
REPORT = "reports.tasks.report"
ONE, NEXT = "2026-01-02T03:00:00+00:00", "2026-01-02T04:00:00+00:00"  # two slots


def found(look: Look, fact: str) -> Any:
    """The schedule, the new tables, and the reports of four messages, all from one process."""
    asked = {
        "schedule": {},
        "migrate": {},
        "reports": {"dues": [ONE, ONE, NEXT, ""], "seconds": by_clock(1)},
    }
    answers = look.once("found", lambda: look.ask_all(asked))
    probe.value(answers["schedule"])  # if the project cannot be read, report that first
    return probe.value(answers[fact])


def timetable(look: Look) -> dict[str, Any]:
    look.needs_file(SETTINGS)
    return found(look, "schedule")


def entry_of_report(look: Look) -> dict[str, Any]:
    """The one entry that sends the report. Raises Wrong."""
    times = timetable(look)
    entries, names = times["entries"], ", ".join(times["names"])
    if isinstance(entries, str):
        raise check.wrong("schedule_is_no_dict", entries=entries)
    if not entries:
        raise check.wrong("no_entry", names=names)
    ours = [entry for entry in entries.values() if entry["task"] == REPORT]
    if not ours:
        told = ", ".join(repr(entry["task"]) for entry in entries.values())
        said = "another_task" if REPORT in times["tasks"] else "unknown_task"
        raise check.wrong(said, told=told, name=REPORT)
    if len(ours) > 1:
        raise check.wrong("several_entries", count=len(ours))
    return ours[0]


@check.item(todo="a", file=SETTINGS)
def due_every_hour(look: Look) -> None:
    entry = entry_of_report(look)
    expect_a_schedule(entry)
    expect_on_the_hour(entry)
    expect_no_arguments(entry)
    if entry["elsewhere"]:
        raise check.wrong("another_queue", queue=entry["elsewhere"])


def expect_a_schedule(entry: dict[str, Any]) -> None:
    """Raise Wrong unless the entry has a schedule by which beat can count."""
    unknown = entry["unknown"]
    if entry["kind"] == "NoneType":
        raise check.wrong("no_schedule", keys=", ".join(entry["keys"]))
    if unknown:
        raise check.wrong("unknown_keys", keys=", ".join(unknown))
    if entry["kind"] == "str":
        raise check.wrong("schedule_as_text", schedule=entry["schedule"])
    if entry["kind"] == "class":
        raise check.wrong("class_for_crontab")


def expect_on_the_hour(entry: dict[str, Any]) -> None:
    schedule, minutes = entry["schedule"], entry.get("minutes", [])
    if entry["some"]:
        raise check.wrong("some_days_only", schedule=schedule, some=", ".join(entry["some"]))
    if entry["day"] is None:
        raise check.wrong("interval", schedule=schedule)
    if entry["day"] == 24 and minutes != [0]:
        raise check.wrong("another_minute", schedule=schedule, minute=minutes[0])
    if entry["day"] != 24:
        raise check.wrong("not_every_hour", schedule=schedule, times=entry["day"])


def expect_no_arguments(entry: dict[str, Any]) -> None:
    """Raise Wrong if the task cannot be called as the entry calls it, without arguments."""
    error = entry["refused"]
    if error and {"args", "kwargs"} & set(entry["keys"]):
        raise check.wrong("arguments_in_the_entry", error=error)
    if error and (cause := likely_cause(error)):
        why, cure = cause
        raise check.wrong("task_takes_more_why", error=error, why=why, cure=cure, where=TASKS)
    if error:
        raise check.wrong("task_takes_more", error=error, where=TASKS)


@check.item(todo="b", file=SETTINGS, needs=(due_every_hour,))
def no_hour_is_left_out(look: Look) -> str:
    times, entry = timetable(look), entry_of_report(look)
    zone, names = times["zone"], ", ".join(times["names"])
    if times["error"]:
        raise check.wrong("no_such_zone", zone=zone, error=times["error"])
    if pauses := [pause for pause in entry["pauses"] if pause[1] < 24]:
        day, sent, pause = pauses[0]
        raise check.wrong(
            "hours_left_out", zone=zone, day=day, sent=sent, pause=pause[:4], names=names
        )
    return check.says("due_every_day", zone=zone)


@check.item(todo="c", file=TASKS)
def written_once(look: Look) -> None:
    look.needs_file(TASKS)
    found(look, "migrate")
    seen = found(look, "reports")
    slots, (_, again, later, by_hand) = seen["slots"], seen["errors"]
    if slots.count(ONE) != 1:
        there = ", ".join(slots) or check.says("no_slots")
        raise check.wrong("another_slot", due=ONE, slots=there)
    if again:
        raise check.wrong("second_message_failed", error=again.splitlines()[0])
    if later or slots.count(NEXT) != 1:
        said = "next_hour_failed" if later else "next_hour"
        raise check.wrong(said, due=NEXT, count=slots.count(NEXT), error=later.rstrip())
    if by_hand or len(slots) != 3:
        raise check.wrong("sent_by_hand", why=by_hand or check.says("no_report_of_it"))
    if seen["naive"]:
        raise check.wrong("slot_without_zone")
    if seen["together"]:
        raise check.wrong("both_wrote", error=seen["together"].splitlines()[0])


# --- live: two beats and a worker, in the check's own vhost --------------------------------------


def two_beats(look: Look) -> list[Running]:
    """Start them with nothing to do: on its first start, a schedule has missed nothing."""
    command = "celery -A celery_testing beat --loglevel=debug --max-interval=1"
    ready = process.says("Synchronizing schedule")
    first = look.start(command, lambda _: True, "beat")
    second = look.start(command, ready, "beat-two")
    first.wait_for("Synchronizing schedule")
    return [first, second]


def sent_by(beat: Running) -> int:
    """How often a beat has sent the report."""
    return len(re.findall(rf"Sending due task .*\({re.escape(REPORT)}\)", beat.text()))


def waiting(look: Look) -> int:
    return sum(queue["ready"] for queue in look.broker.queues(look.vhost).values())


def dues(look: Look) -> list[str | None]:
    """The header `due` of each report's waiting message; the messages stay in their queues."""
    letters = []
    with login.connect(look.broker, look.vhost) as connection:
        for queue in look.broker.queues(look.vhost):
            while letter := connection.default_channel.basic_get(queue):
                letters.append(letter.headers)
    return [headers.get("due") for headers in letters if headers.get("task") == REPORT]


@check.item(todo="a", file=SETTINGS, needs=(due_every_hour, no_hour_is_left_out))
def beats_send_what_is_due(look: Look) -> str:
    found(look, "migrate")
    if not timetable(look)["ours"]:
        raise check.wrong("another_scheduler", scheduler=timetable(look)["scheduler"])
    beats = two_beats(look)
    if waiting(look):
        raise check.wrong("sent_before_time", count=waiting(look))
    rows = rewind_last_run(look.database, REPORT, hours=1)
    if rows != 1:
        raise check.wrong("another_count_of_rows", count=rows)
    with contextlib.suppress(NotYet):
        both = lambda: all(map(sent_by, beats)) and waiting(look) >= 2  # noqa: E731
        wait_until(both, limit=10, what="two messages")
    sent, instants = [sent_by(beat) for beat in beats], dues(look)
    # Not how many: django-celery-beat sends again if the table changes while it builds its list
    # of what is due, since it then rebuilds the list from what it had read before.
    if not all(sent) or len(instants) < 2:
        first, second = sent
        raise check.wrong("not_sent_twice", first=first, second=second, waiting=len(instants))
    if len(set(instants)) > 1:
        raise check.wrong("several_instants", instants=", ".join(map(str, instants)))
    return check.says("both_sent_it")


@check.item(todo="c", file=TASKS, needs=(beats_send_what_is_due, written_once), is_drill=True)
def one_report(look: Look) -> None:
    worker = look.worker()
    done = worker.wait_for(rf"{REPORT}\[.*(succeeded|raised)", count=2, limit=15)
    if failed := [line for line in done if "raised" in line]:
        raise check.wrong("one_failed", error=failed[0].split("raised ")[-1])
    with contextlib.closing(sqlite3.connect(look.database, timeout=by_clock(20))) as tables:
        slots = [slot for (slot,) in tables.execute("select slot from reports_report")]
    if len(slots) != 1:
        raise check.wrong("several_reports", count=len(slots), slots=", ".join(slots))
