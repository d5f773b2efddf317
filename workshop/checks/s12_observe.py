"""Stage 12: the id of a request in the message, in the worker, and in each line of both logs."""

import re
import uuid
from typing import Any

from celery import Celery

from workshop.broker import login
from workshop.checks import api
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.machine.patience import NotYet, wait_until

check = Check(__file__)
FILE = "celery_testing/request_id.py"
HEADER = "X-Request-ID"
WITHOUT = "sums.tasks.sum_number"  # sent without an id, as another program might send it
UNSENT = re.compile(r"the broker did not accept job \S+: (.*)")
VARIABLE = re.compile("<ContextVar|<built-in method get")
# what Celery has put into each message, and needs there
CELERYS = {
    *("argsrepr", "eta", "expires", "group", "group_index", "id", "ignore_result", "kwargsrepr"),
    *("lang", "origin", "parent_id", "replaced_task_nesting", "retries", "root_id", "shadow"),
    *("stamped_headers", "stamps", "task", "timelimit"),
}
RAISED = re.compile(r"Signal handler <function \w+ at \w+> raised: (.*)")


def two_ids(look: Look) -> tuple[str, str]:
    """The ids of two requests, the same for the whole check."""
    return look.once("ids", lambda: tuple(f"check-{uuid.uuid4().hex[:8]}" for _ in range(2)))


def two_jobs(look: Look) -> list[dict]:
    """A sum for each of the two requests; no worker takes their messages yet."""
    look.needs_file(FILE)
    return look.once("jobs", lambda: [posted(look, one) for one in two_ids(look)])


def posted(look: Look, one: str) -> dict:
    """Post a sum with this request id. If no message was sent, Wrong gives the reason."""
    try:
        return api.post(look, 2, 3, **{HEADER: one})
    except Wrong:
        if unsent := UNSENT.search(look.web().running.text()):
            raise check.wrong("not_sent", error=unsent[1]) from None
        raise


def messages(look: Look) -> list[Any]:
    """The two messages, in order; they stay in the queue."""
    two_jobs(look)
    with login.connect(look.broker, look.vhost) as connection:
        take = connection.default_channel.basic_get
        found = [message for _ in range(2) if (message := take("sums"))]
    return found


@check.item(todo="a", file=FILE)
def id_in_the_message(look: Look) -> str:
    first, second = two_ids(look)
    found = look.once("messages", lambda: messages(look))
    if len(found) < 2:
        raise check.wrong("no_messages", count=len(found))
    for one, message in zip((first, second), found, strict=True):
        expect_id(look, one, message)
    names = [name for name, value in found[0].headers.items() if value == first]
    if celerys := CELERYS & set(names):
        raise check.wrong("celerys_header", name=celerys.pop())
    return check.says("header_carries_it", name=names[0])


def expect_id(look: Look, one: str, message: Any) -> None:
    """Raise Wrong unless a header of the message has this id as its value."""
    values = {name: str(value) for name, value in message.headers.items()}
    if one in values.values():
        return
    if raised := RAISED.search(look.web().running.text()):
        raise check.wrong("receiver_failed", error=raised[1])
    first = two_ids(look)[0]
    if one != first and first in values.values():
        raise check.wrong("id_of_another_request", id=one, other=first)
    body = message.body if isinstance(message.body, str) else bytes(message.body).decode()
    if one in body:
        raise check.wrong("id_in_the_arguments", id=one)
    expect_no_value_like_it(one, values)
    if not look.ask("called_before_publish"):
        raise check.wrong("not_called_before_publish")
    raise check.wrong("no_header", id=one)


def expect_no_value_like_it(one: str, values: dict[str, str]) -> None:
    """Raise Wrong if a header has something else in the id's place."""
    if variable := [value for value in values.values() if VARIABLE.search(value)]:
        raise check.wrong("variable_for_value", shown=variable[0])
    if near := [(name, value) for name, value in values.items() if one in value]:
        raise check.wrong("more_than_the_id", id=one, name=near[0][0], value=near[0][1])
    if "request_id" in values:
        raise check.wrong("another_value", id=one, value=values["request_id"])


@check.item(todo="b", file=FILE, needs=(id_in_the_message,))
def id_in_the_worker(look: Look) -> None:
    first, second = two_ids(look)
    found = look.ask("carried", ids=[first, second, ""])
    if not found["called"]:
        raise check.wrong("not_called_before_the_task")
    for one, run in zip((first, second), found["runs"], strict=False):
        expect_taken(one, run)
    without = found["runs"][2]
    if without["errors"]:
        raise check.wrong("failed_without_id", error=without["errors"][0])
    if without["during"] in (first, second):
        raise check.wrong("id_of_the_task_before", id=without["during"])
    if without["during"] == "None":
        raise check.wrong("none_for_no_id")
    if found["after_request"] == first:
        raise check.wrong("not_forgotten_by_the_web_process")


def expect_taken(one: str, run: dict[str, Any]) -> None:
    """Raise Wrong unless the id of a message is the current one while its task runs."""
    if run["errors"]:
        raise check.wrong("receiver_failed", error=run["errors"][0])
    if run["during"] == run["task"]:
        raise check.wrong("id_of_the_task", id=one)
    if run["during"] != one:
        raise check.wrong("not_taken", id=one, header=run["header"], seen=run["during"])
    if run["after"] == one:
        raise check.wrong("not_forgotten", id=one)


@check.item(todo="c", file=FILE)
def id_in_each_line(look: Look) -> None:
    look.needs_file(FILE)
    first = two_ids(look)[0]
    expect_right_fields(first, *look.ask("filtered", ids=[first, ""]))
    two_jobs(look)
    posts = lambda: re.findall(r".*\"POST /api/sums/.*", look.web().running.text())  # noqa: E731
    try:
        # the server logs a request after it has answered
        [line, *_] = wait_until(posts, limit=5, what="the line of a request")
    except NotYet:
        raise check.wrong("no_line") from None
    if f" {first} " not in line:
        raise check.wrong("line_without_id", id=first, line=line)


def expect_right_fields(one: str, with_id: dict[str, Any], without: dict[str, Any]) -> None:
    """Raise Wrong unless both lines pass the filter with a field, and the first has this id."""
    for line, no_field, is_gone in (
        (with_id, "no_field", "line_is_gone"),
        (without, "no_field_without_id", "line_without_id_is_gone"),
    ):
        if line["error"]:
            raise check.wrong("filter_failed", error=line["error"])
        if not line["has_field"]:
            raise check.wrong(no_field)
        if not line["passes"]:
            raise check.wrong(is_gone)
    if VARIABLE.search(with_id["shown"]):
        raise check.wrong("variable_for_value", shown=with_id["shown"])
    if with_id["shown"] != one:
        raise check.wrong("another_field", id=one, shown=with_id["shown"])


# --- live: a worker runs the two requests' tasks, and one that belongs to no request -------------


@check.item(
    todo="b",
    file=FILE,
    needs=(id_in_the_message, id_in_the_worker, id_in_each_line),
    is_drill=True,
)
def one_request_in_both_logs(look: Look) -> None:
    ids, jobs, worker = two_ids(look), two_jobs(look), look.worker()
    for job in jobs:
        api.finished_job(look, job)
    with Celery("drill", broker=look.environment["BROKER_URL"], set_as_current=False) as app:
        where = {"exchange": "sums", "routing_key": "sums", "exchange_type": "topic"}
        sent = app.send_task(WITHOUT, (3, 4), **where).id
    [*_, without] = worker.wait_for(rf"\[{sent}\] (succeeded|raised)")
    if any(one in without for one in ids):
        raise check.wrong("line_of_another_request", line=without)
    lines = [line for line in worker.text().splitlines() if "PoolWorker" in line]
    for one, job in zip(ids, jobs, strict=True):
        [last] = [line for line in lines if f"add_up[{job['id']}] succeeded" in line]
        if f" {one} " not in last:
            raise check.wrong("worker_line_without_id", id=one, line=last)
