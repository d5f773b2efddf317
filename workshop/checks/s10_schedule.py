"""Stage 10: work that starts by the clock: an entry, a zone, a report that is written once."""

import contextlib
import re
import sqlite3
from typing import Any

from workshop.broker import login
from workshop.causes import likely
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.machine import process
from workshop.machine.patience import NotYet, by_clock, wait_until
from workshop.machine.process import Running
from workshop.project import probe
from workshop.project.clock import away

check = Check(__file__)
SCHEDULE, REPORTING = "celery_testing/schedule.py", "testing/reporting.py"
REPORT = "testing.reporting.report"
ONE, NEXT = "2026-01-02T03:00:00+00:00", "2026-01-02T04:00:00+00:00"  # two slots


def found(look: Look, fact: str) -> Any:
    """The schedule, the tables made, and the reports of four messages, all in one process."""
    asked = {
        "schedule": {},
        "migrate": {},
        "reports": {"dues": [ONE, ONE, NEXT, ""], "seconds": by_clock(1)},
    }
    answers = look.once("found", lambda: look.ask_all(asked))
    probe.value(answers["schedule"])  # where the project cannot be read, that is the first to say
    return probe.value(answers[fact])


def timetable(look: Look) -> dict[str, Any]:
    look.needs_file(SCHEDULE)
    return found(look, "schedule")


def entry_of_report(look: Look) -> dict[str, Any]:
    """The one entry that sends the report. Raises Wrong."""
    times = timetable(look)
    entries, names = times["entries"], ", ".join(times["names"])
    if isinstance(entries, str):
        raise Wrong(
            f"the schedule is {entries}: it is a dict, with a name for each entry, and the entry "
            'a dict too, with "task" and "schedule"'
        )
    if not entries:
        raise Wrong(
            "the schedule has no entry. It is read from CELERY_BEAT_SCHEDULE; the settings that "
            f"speak of it: {names}"
        )
    ours = [entry for entry in entries.values() if entry["task"] == REPORT]
    if not ours:
        told = ", ".join(repr(entry["task"]) for entry in entries.values())
        known = "" if REPORT in times["tasks"] else f", and the app knows no {REPORT}"
        raise Wrong(f"the schedule sends {told}; the task's name is {REPORT!r}{known}")
    if len(ours) > 1:
        raise Wrong(f"{len(ours)} entries send the report: one is enough")
    return ours[0]


@check.item(todo="a", file=SCHEDULE)
def due_every_hour(look: Look) -> None:
    entry = entry_of_report(look)
    unknown = set(entry["keys"]) - {"task", "schedule", "args", "kwargs", "options", "relative"}
    if entry["kind"] == "NoneType":
        raise Wrong(f'the entry has {", ".join(entry["keys"])}, and no "schedule"')
    if unknown:
        raise Wrong(f"the entry has {', '.join(unknown)}, of which beat knows nothing")
    if entry["kind"] == "str":
        raise Wrong(f"the schedule is the text {entry['schedule']!r}, and is to be a crontab(...)")
    if entry["kind"] == "class":
        raise Wrong(
            "the schedule is the class crontab itself: crontab(...), with brackets, makes one"
        )
    if entry["some"]:
        raise Wrong(
            f"{entry['schedule']} is due on some days only: it has {', '.join(entry['some'])}. "
            "What a crontab does not name is every day, every month"
        )
    if entry["day"] is None:
        raise Wrong(
            f"the schedule is {entry['schedule']}, an interval: it counts from whenever beat was "
            "started, and is not on the hour. A crontab looks at the clock"
        )
    if entry["day"] == 24 and entry["minutes"] != [0]:
        raise Wrong(
            f"{entry['schedule']} is due at minute {entry['minutes'][0]} of each hour: on the hour "
            "is minute 0"
        )
    if entry["minutes"] != [0] or entry["day"] != 24:
        raise Wrong(
            f"{entry['schedule']} is due {entry['day']} times in a day, and is to be 24 times, "
            "each at minute 0: what is not named is every minute, every hour"
        )
    if entry["refused"] and {"args", "kwargs"} & set(entry["keys"]):
        raise Wrong(
            f"the entry's args and kwargs do not fit the task, which takes none: {entry['refused']}"
        )
    if entry["refused"]:
        cause = likely(entry["refused"])
        why = f" ({cause[0]}: {cause[1]})" if cause else ""
        raise Wrong(
            f"beat sends the task without arguments: {entry['refused']}{why}", where=REPORTING
        )
    if entry["elsewhere"]:
        raise Wrong(
            f"the entry sends to the queue {entry['elsewhere']!r}, from which no worker of this "
            "project takes: leave the queue to the app's default"
        )


@check.item(todo="b", file=SCHEDULE, needs=(due_every_hour,))
def no_hour_is_left_out(look: Look) -> str:
    times, entry = timetable(look), entry_of_report(look)
    if times["error"]:
        raise Wrong(f"the app has no zone {times['zone']!r}: {times['error']}")
    pauses = [pause for pause in entry["pauses"] if pause[1] < 24]
    if pauses:
        day, sent, longest = pauses[0]
        raise Wrong(
            f"the zone is {times['zone']}. On {day} its clocks are set back: in 24 hours {sent} "
            f"reports are due, with {longest[:4]} h between two of them. Settings that speak of "
            f"it: {', '.join(times['names'])}"
        )
    return f"24 in 24 hours on every day of a year in {times['zone']}"


@check.item(todo="c", file=REPORTING)
def written_once(look: Look) -> None:
    look.needs_file(REPORTING)
    found(look, "migrate")
    seen = found(look, "reports")
    slots, (_, again, later, by_hand) = seen["slots"], seen["errors"]
    if slots.count(ONE) != 1:
        there = ", ".join(slots) or "none"
        raise Wrong(
            f"two messages with due {ONE}, and the slots of the reports are {there}: the slot is "
            "to be what the header says, and not what the clock says now"
        )
    if again:
        why = again.splitlines()[0]
        raise Wrong(
            f"a second message for the same slot failed: {why}. Only the slot says which report it "
            "is; the count, which has changed meanwhile, belongs in defaults="
        )
    if later or slots.count(NEXT) != 1:
        raise Wrong(f"the next hour, {NEXT}, has {slots.count(NEXT)} reports. {later}".strip())
    if by_hand or len(slots) != 3:
        why = by_hand or "there is no report of it"
        raise Wrong(f"sent by hand it is for now, and self.request.headers is None: {why}")
    if seen["naive"]:
        raise Wrong(
            "sent by hand it gets a slot without a zone, a naive datetime, which means another "
            "instant in each zone: Django's timezone.now() has one"
        )
    if seen["together"]:
        raise Wrong(
            f"two processes wrote the report of one hour at the same moment: "
            f"{seen['together'].splitlines()[0]}. Between a look and a write another process may "
            "write; get_or_create by the slot tries again when it is refused"
        )


# --- live: two beats and a worker, in the check's own vhost --------------------------------------


def two_beats(look: Look) -> list[Running]:
    """They run, with nothing to do: the first start of a schedule has missed nothing."""
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
    """The header `due` of each report's message that waits; they stay in their queues."""
    letters = []
    with login.connect(look.broker, look.vhost) as connection:
        for queue in look.broker.queues(look.vhost):
            while letter := connection.default_channel.basic_get(queue):
                letters.append(letter.headers)
    return [headers.get("due") for headers in letters if headers.get("task") == REPORT]


@check.item(todo="a", file=SCHEDULE, needs=(due_every_hour, no_hour_is_left_out))
def beats_send_what_is_due(look: Look) -> str:
    found(look, "migrate")
    if not timetable(look)["ours"]:
        raise Wrong(
            f"beat's scheduler is {timetable(look)['scheduler']}. The one that writes into each "
            "message for which instant it is sent is celery_testing.beat:Scheduler, named in "
            "CELERY_BEAT_SCHEDULER"
        )
    beats = two_beats(look)
    if waiting(look):
        raise Wrong(f"nothing was due, and beat sent {waiting(look)} messages")
    rows = away(look.database, REPORT, hours=1)
    if rows != 1:
        raise Wrong(f"beat has put {rows} entries of the report into the table, and not 1")
    with contextlib.suppress(NotYet):
        both = lambda: all(map(sent_by, beats)) and waiting(look) >= 2  # noqa: E731
        wait_until(both, limit=10, what="two messages")
    sent, instants = [sent_by(beat) for beat in beats], dues(look)
    # Not how many: django-celery-beat sends once more where the table changes while it builds its
    # list of what is due, since it then builds the list again from what it had read before.
    if not all(sent) or len(instants) < 2:
        raise Wrong(
            f"one report was due. The first beat sent {sent[0]}, the second {sent[1]}, and in the "
            f"queue are {len(instants)}"
        )
    if len(set(instants)) > 1:
        raise Wrong(f"one report was due, and the messages are for {', '.join(map(str, instants))}")
    return "1 was due, and both beats sent it"


@check.item(todo="c", file=REPORTING, needs=(beats_send_what_is_due, written_once), is_drill=True)
def one_report(look: Look) -> None:
    worker = look.worker("celery_testing")
    done = worker.wait_for(rf"{REPORT}\[.*(succeeded|raised)", count=2, limit=15)
    failed = [line for line in done if "raised" in line]
    if failed:
        raise Wrong(f"one of the two failed: {failed[0].split('raised ')[-1]}")
    with contextlib.closing(sqlite3.connect(look.database, timeout=by_clock(20))) as tables:
        slots = [slot for (slot,) in tables.execute("select slot from reports_report")]
    if len(slots) != 1:
        raise Wrong(f"two messages for one hour left {len(slots)} reports: {', '.join(slots)}")
