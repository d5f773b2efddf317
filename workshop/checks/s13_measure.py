"""Stage 13: a canary that comes back, the age that pages people, a dead letter sent back."""

import re
import uuid
from typing import Any

from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.errors import CourseError
from workshop.machine.patience import NotYet, wait_until
from workshop.project import probe

check = Check(__file__)
TASKS, METRICS, SERVICES = "canaries/tasks.py", "canaries/metrics.py", "dead_letters/services.py"
DAY = 24 * 60 * 60
AGE = DAY + 100  # seconds; more than a day, since a timedelta stores days separately
SLACK = 60  # seconds that may pass between two readings of the clock on a busy machine
LINE = re.compile(r'^canary_age_seconds\{queue="sums"\} (\S+)$', re.M)


def found(look: Look, fact: str) -> Any:
    """What the learner's functions return, all called in one process."""

    def ask() -> dict:
        asked: dict[str, dict] = {
            "canaries": {"sent": [["quick", 2000], ["sums", 900], ["sums", 300], ["sums", 600]]},
            "age_of": {"seconds": AGE},
            "sent_back": {"task_id": str(uuid.uuid4())},
        }
        return look.ask_all(asked)

    look.migrate()
    return probe.value(look.once("found", ask)[fact])


@check.item(todo="a", file=TASKS)
def newest_canary(look: Look) -> None:
    look.needs_file(TASKS)
    rows = found(look, "canaries")["rows"]
    if not rows:
        raise check.wrong("no_row")
    if len(rows) > len({queue for queue, _ in rows}):
        raise check.wrong("several_rows", count=len(rows))
    ages = dict(rows)
    if set(ages) != {"quick", "sums"}:
        raise check.wrong("another_queue", queues=", ".join(map(repr, ages)))
    expect_the_newest(ages["sums"])
    if abs(ages["quick"] - 2000) > SLACK:
        raise check.wrong("row_of_another_queue")


def expect_the_newest(age: int) -> None:
    """Raise Wrong unless it is that of the newest of the three canaries of the queue sums."""
    if abs(age) <= SLACK:
        raise check.wrong("time_of_coming_back")
    if abs(age - 600) <= SLACK:
        raise check.wrong("not_the_newest")
    if abs(age - 300) > SLACK:
        raise check.wrong("not_changed", age=age)


@check.item(todo="b", file=METRICS)
def age_of_the_canary(look: Look) -> str:
    look.needs_file(METRICS)
    seen = found(look, "age_of")
    expect_age(seen["age"])
    expect_never(seen["never"], "failed_for_never", "number_for_never")
    expect_never(seen["another"], "failed_for_another", "number_for_another")
    look.migrate()
    answer = look.web().get("/metrics")
    line = LINE.search(answer.text)
    if not (answer.status_code == 200 and line):
        raise check.wrong("no_metric", why=look.web().why(answer))
    return check.says("age_at_metrics", value=line[1])


def expect_age(age: float | str) -> None:
    """Raise Wrong unless it is that of a canary sent AGE seconds ago."""
    if age == "inf":
        raise check.wrong("never_for_a_row")
    if isinstance(age, str):
        raise check.wrong("age_failed" if "Error" in age else "no_number", value=age)
    if abs(age - (AGE - DAY)) <= SLACK:
        raise check.wrong("days_left_out")
    if abs(age + AGE) <= SLACK:
        raise check.wrong("negative")
    if abs(age - AGE) > SLACK:
        raise check.wrong("another_age", age=round(age), right=AGE)


def expect_never(age: float | str, failed: str, number: str) -> None:
    """Raise Wrong, with one of two texts, unless the age is infinite."""
    if isinstance(age, str) and ("Error" in age or "DoesNotExist" in age):
        raise check.wrong(failed, error=age)
    if isinstance(age, str) and age != "inf":
        raise check.wrong("no_number", value=age)
    if age != "inf":
        raise check.wrong(number, value=age)


@check.item(todo="c", file=SERVICES)
def sent_back_and_never_lost(look: Look) -> None:
    look.needs_file(SERVICES)
    seen = found(look, "sent_back")
    if not seen["asked"]:
        if seen["refused"]:
            raise check.wrong("failed", error=seen["refused"])
        raise check.wrong("publish_not_called")
    if seen["gone"]:
        raise check.wrong("deleted_before")
    if not seen["kept"]:
        raise check.wrong("row_lost")
    if not seen["refused"]:
        raise check.wrong("error_kept_quiet")
    if seen["error"]:
        raise check.wrong("failed", error=seen["error"])
    if seen["calls"] != 1:
        raise check.wrong("published", count=seen["calls"])
    expect_only_its_row_deleted(seen)


def expect_only_its_row_deleted(seen: dict[str, Any]) -> None:
    """Raise Wrong unless the letter's row is gone, and no other."""
    if seen["left"]:
        raise check.wrong("row_is_left")
    if not seen["another"]:
        raise check.wrong("other_rows_deleted")
    if seen["failed_again"]:
        raise check.wrong("failed", error=seen["failed_again"])
    if not seen["again"]:
        raise check.wrong("died_again")


@check.item(todo="a", file=TASKS, needs=(newest_canary, age_of_the_canary), is_drill=True)
def canary_comes_back(look: Look) -> str:
    worker = look.worker()
    look.ask("send_canary")
    worker.wait_for(r"canaries\.tasks\.canary\[.*(succeeded|raised)")

    def age() -> float:
        return float(LINE.search(look.web().get("/metrics").text)[1])  # type: ignore[index]

    try:
        wait_until(lambda: age() < SLACK, limit=10, what="the canary at /metrics")
    except NotYet:
        raise check.wrong("still_old", age=age()) from None
    return check.says("came_back")


@check.item(todo="c", file=SERVICES, needs=(sent_back_and_never_lost,), is_drill=True)
def message_runs_again(look: Look) -> None:
    worker = look.worker()
    try:
        worker.wait_for(r"sums\.tasks\.sum_number\[.*succeeded in .*: 12", limit=15)
    except CourseError:
        raise check.wrong("not_run") from None
