"""Stage 08: what was accepted is finished once, whatever is killed in between."""

import contextlib
import re
from statistics import median

import httpx

from workshop.checks import second
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.requests import Requests, ask, receipts
from workshop.machine.patience import NotYet, Stopwatch, by_clock, wait_until
from workshop.project.browser import ANSWER

check = Check(__file__)
SETTINGS, RECEIPTS = "celery_testing/settings.py", "receipts/models.py"
FIRST_MIGRATION = "receipts/migrations/0001_initial.py"
MANY = 500  # jobs, with a broker and a worker killed among them


def reliable(look: Look) -> dict:
    """What the app's settings say about sending and receiving."""
    look.needs_file(SETTINGS)
    return look.once("reliable", lambda: look.ask("reliable"))


@check.item(todo="a", file=SETTINGS)
def each_message_is_confirmed(look: Look) -> None:
    found = reliable(look)
    if found["no_dict"]:
        raise check.wrong("options_are_no_dict", options=found["no_dict"])
    if found["confirms"] is not True:
        options = ", ".join(f"{k}: {v}" for k, v in found["transport"].items())
        raise check.wrong("not_confirmed", options=options or "empty")


@check.item(todo="b", file=SETTINGS)
def acknowledged_late(look: Look) -> None:
    found = reliable(look)
    speak = re.compile("(^|_)ACKS?_|REJECT|LOST")
    there = ", ".join(filter(speak.search, found["names"])) or "none"
    if misplaced := [name for name in found["transport"] if speak.search(name.upper())]:
        raise check.wrong("setting_among_the_options", name=misplaced[0])
    for name in ("late", "reject"):
        if isinstance(found[name], str):
            raise check.wrong("setting_is_text", text=found[name])
    if found["late"] is not True:
        raise check.wrong("acknowledged_at_its_begin", there=there)
    if found["reject"] is not True:
        raise check.wrong("lost_counts_as_done", there=there)


@check.item(todo="c", file=RECEIPTS)
def one_receipt(look: Look) -> None:
    look.needs_file(RECEIPTS)
    if not look.is_untouched(FIRST_MIGRATION):
        raise check.wrong("first_migration_changed", file=FIRST_MIGRATION)
    look.migrate()
    found = look.ask("receipts_of_a_task_that_runs_twice", seconds=by_clock(1))
    one, other, both = (found[name] for name in ("one", "other", "both"))
    if found["changes"]:
        raise check.wrong("no_migration", changes="; ".join(found["changes"]))
    if one == 0 or other == 0:
        raise check.wrong("no_receipt", one=one, other=other)
    if found["error"]:
        raise check.wrong("second_run_failed", error=found["error"].splitlines()[0])
    if one != 1:
        raise check.wrong("several_receipts", one=one)
    if both != 1 or found["both_error"]:
        error = found["both_error"].splitlines()
        why = error[0] if error else check.says("receipts", count=both)
        raise check.wrong("two_at_the_same_moment", why=why)


# --- live: on a second broker, which is killed -------------------------------------------------


@check.item(
    needs=(each_message_is_confirmed, acknowledged_late, one_receipt),
    is_drill=True,
    ahead=second.start,
)
def refused_at_once(look: Look) -> str:
    broker, web = second.broker(look), second.web(look)
    ask(web)  # the first one opens the connection
    broker.raise_alarm()
    try:
        with Stopwatch(web.running.guard.pid) as watch:
            said = refusal(ask(web))
    except httpx.TimeoutException:
        said = check.says("no_answer", limit=ANSWER)
    broker.clear_alarm()
    if said := said or slow(watch.seconds):
        raise check.wrong("short_of_memory", said=said)
    wait_until(lambda: ask(web).status_code == 202, limit=10, what="202")
    return check.says("answered", seconds=watch.seconds)


def refusal(answer: httpx.Response) -> str:
    """What is wrong with an answer that should be a 503, or ""."""
    if answer.status_code != 503 or "Retry-After" not in answer.headers:
        return check.says("no_503", status=answer.status_code)
    return ""


def slow(seconds: float) -> str:
    """What is wrong with a 503 that took so long, or ""."""
    return check.says("slow_503", seconds=seconds) if seconds > 1 else ""


@check.item(needs=(refused_at_once,), is_drill=True)
def none_is_lost(look: Look) -> str:
    broker, web = second.broker(look), second.web(look)
    worker = second.worker(look, "first")
    with Requests(web, [f"{look.queue}-{number}" for number in range(MANY)]) as asked:
        asked.until_accepted(MANY // 4)
        broker.flush_to_disk()
        with Stopwatch(web.running.guard.pid) as down:
            broker.kill()
            asked.until_refused()
        broker.start()
        asked.go_on()
        asked.until_accepted(MANY // 2)
        worker.kill()
        second.worker(look, "second")
        asked.until_over()
    # many ask at once: the usual one counts, not the one that had to wait for the others
    took = down.share * median(answer.elapsed.total_seconds() for answer in asked.refused)
    if said := next(filter(None, map(refusal, asked.refused)), slow(took)):
        raise check.wrong("broker_was_down", said=said)
    wanted = set(asked.accepted.values())
    expect_one_receipt_each(look, wanted)
    return check.says("each_finished_once", accepted=len(wanted))


def expect_one_receipt_each(look: Look, wanted: set[str]) -> None:
    """Raise Wrong unless each of the accepted jobs was finished exactly once."""
    with contextlib.suppress(NotYet):
        wait_until(lambda: wanted <= set(receipts(look.database)), limit=60, what="all receipts")
    found = receipts(look.database)
    lost = len(wanted - set(found))
    twice = sum(1 for job in wanted if found[job] > 1)
    if lost or twice or len(wanted) != MANY:
        raise check.wrong("lost_or_twice", accepted=len(wanted), lost=lost, twice=twice)
