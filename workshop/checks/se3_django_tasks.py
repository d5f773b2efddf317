"""Stage E3: a backend that lets Celery's workers run Django's own tasks."""

from typing import Any

from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine.patience import NotYet, Stopwatch, wait_until

check = Check(__file__)
BACKEND, SETTINGS = "background/backend.py", "celery_testing/settings.py"
NAME = "background.backend.CeleryBackend"
ANSWER = 1.0  # seconds; the task takes longer
SIDE = 6000
TASK = "background.work.count"
STATES = {
    "waiting": "READY",
    "STARTED": "RUNNING",
    "SUCCESS": "SUCCESSFUL",
    "FAILURE": "FAILED",
    "REVOKED": "FAILED",
    "RETRY": "READY",
}


@check.item(todo="a", file=BACKEND)
def states_are_translated(look: Look) -> str:
    look.needs_file(BACKEND)
    look.migrate()
    found = look.once("outcomes", lambda: look.ask("outcomes"))
    for state, wanted in STATES.items():
        raised = found[state].get("raised", "")
        if raised.startswith("NotImplementedError"):
            raise check.wrong("result_not_written")
        if raised:
            raise check.wrong("result_raised", state=state, error=raised)
        if found[state]["status"] != wanted:
            raise check.wrong(
                "other_status", state=state, wanted=wanted, status=found[state]["status"]
            )
    for name, what in (("unknown", "a UUID without a row"), ("no id", "'nothing', no UUID")):
        if raised := found[name].get("raised", ""):
            raise check.wrong("unknown_raised", name=what, error=raised)
        if found[name]["status"] != "TaskResultDoesNotExist":
            raise check.wrong("unknown_exists", name=what, status=found[name]["status"])
    return check.says("translated", count=len(STATES))


@check.item(todo="a", file=BACKEND, needs=(states_are_translated,))
def results_are_whole(look: Look) -> None:
    found = look.once("outcomes", lambda: look.ask("outcomes"))
    done, failed = found["SUCCESS"], found["FAILURE"]
    if done.get("value") != 12:
        raise check.wrong("no_value", value=done.get("value"))
    if failed["errors"] != ["builtins.ZeroDivisionError"]:
        raise check.wrong("no_error", errors=", ".join(failed["errors"]) or "none")
    if not failed["traceback"]:
        raise check.wrong("no_traceback")
    if not done["id"] or done["args"] != [[3], {"y": 4}] or done["task"] != TASK:
        raise check.wrong("other_args", args=done["args"], task=done["task"])
    if done["backend"] != "default":
        raise check.wrong("other_alias", alias=done["backend"])
    waiting = found["waiting"]["times"]
    if [done["times"], failed["times"], waiting] != [[True, True], [True, True], [True, False]]:
        raise check.wrong("other_times")


def enqueued(look: Look) -> dict[str, Any]:
    look.needs_file(BACKEND)
    look.migrate()
    return look.once("enqueued", lambda: look.ask("enqueued"))


def expect_no_error(error: str) -> None:
    """Raise Wrong if enqueue has raised something."""
    if error.startswith("NotImplementedError"):
        raise check.wrong("enqueue_not_written")
    if error.startswith("QueueNotFound"):
        raise check.wrong("no_such_queue", error=error)
    if error:
        raise check.wrong("enqueue_raised", error=error)


@check.item(todo="b", file=BACKEND, needs=(states_are_translated,))
def message_is_sent(look: Look) -> str:
    plain = enqueued(look)["plain"]
    expect_no_error(plain["error"])
    if plain["count"] != 1:
        raise check.wrong("other_count", count=plain["count"])
    if not plain["right_type"]:
        raise check.wrong("returns_another", kind=plain["returned"])
    if plain["value"] != 12:
        raise check.wrong("other_task", value=plain["value"])
    if not plain["quick"]:
        raise check.wrong("tries_for_minutes")
    if not plain["row"]:
        raise check.wrong("no_row")
    if plain["task_id"] != plain["id"]:
        raise check.wrong("other_id")
    if not enqueued(look)["signals"]:
        raise check.wrong("no_signal")
    return check.says("sent", status=plain["status"])


@check.item(todo="b", file=BACKEND, needs=(message_is_sent,))
def options_are_kept(look: Look) -> None:
    found = enqueued(look)
    late = found["later"].get("late")
    if late is None:
        raise check.wrong("no_eta")
    if abs(late) > 60:
        raise check.wrong("other_eta", hours=(late / 3600))
    if found["other"].get("queue") != "quick":
        raise check.wrong("other_queue", queue=found["other"].get("queue"))
    if found["plain"]["queue"] != "sums":
        raise check.wrong("other_default", queue=found["plain"]["queue"])


@check.item(todo="b", file=BACKEND, needs=(message_is_sent,))
def refusal_leaves_nothing(look: Look) -> None:
    refused = enqueued(look)["refused"]
    if not refused["error"]:
        raise check.wrong("hides_a_refusal")
    if refused["rows"]:
        raise check.wrong("row_is_left")


@check.item(todo="c", file=SETTINGS)
def settings_name_it(look: Look) -> str:
    look.needs_file(SETTINGS)
    name = look.ask("backend_name")
    if name != NAME:
        raise check.wrong("another_backend", name=name)
    return check.says("named", name=name)


@check.item(
    needs=(options_are_kept, refusal_leaves_nothing, results_are_whole, settings_name_it),
    is_drill=True,
)
def worker_counts(look: Look) -> str:
    """A count that a view enqueues, a real worker runs, and another view shows."""
    look.migrate()
    look.ahead("worker", look.start_worker)
    web = look.web()
    web.get("/background/none/")  # the first answer of a server takes longer
    with Stopwatch(web.running.guard.pid) as watch:
        answer = web.ask("POST", f"/background/{SIDE}/{SIDE}/")
    if answer.status_code != 202:
        raise check.wrong("refused", why=web.why(answer))
    if watch.seconds > ANSWER:
        raise check.wrong("waits", seconds=watch.seconds)
    look.worker()
    number = answer.json()["id"]
    outcome = lambda: web.get(f"/background/{number}/").json()  # noqa: E731
    try:
        wait_until(lambda: outcome()["status"] == "SUCCESSFUL", limit=40, what="the count")
    except NotYet:
        raise check.wrong("not_done", status=outcome()["status"]) from None
    if outcome()["value"] != SIDE * SIDE:
        raise check.wrong("other_value", value=outcome()["value"])
    return check.says("counted", seconds=watch.seconds)
