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
WITHOUT = "sums.tasks.sum_number"  # it is sent without an id, as another program might
UNSENT = re.compile(r"the broker did not accept job \S+: (.*)")
VARIABLE = "<ContextVar"
FAILED = re.compile(r"--- Logging error ---.*?\n(\w+(?:Error|Exception): [^\n]*)", re.S)


def two_ids(look: Look) -> tuple[str, str]:
    """The ids of two requests, the same for the whole check."""
    return look.once("ids", lambda: tuple(f"check-{uuid.uuid4().hex[:8]}" for _ in range(2)))


def two_jobs(look: Look) -> list[dict]:
    """A sum for each of the two requests; nothing takes their messages yet."""
    look.needs_file(FILE)
    return look.once("jobs", lambda: [posted(look, one) for one in two_ids(look)])


def posted(look: Look, one: str) -> dict:
    """A sum for the request of this id. Raises Wrong, with the reason if no message was sent."""
    try:
        return api.post(look, 2, 3, **{HEADER: one})
    except Wrong:
        if unsent := UNSENT.search(look.web().running.text()):
            raise check.wrong("not_sent", error=unsent[1]) from None
        raise


def messages(look: Look) -> list[Any]:
    """The two messages in their order; they stay in the queue."""
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
    return check.says("header_carries_it", name=names[0])


def expect_id(look: Look, one: str, message: Any) -> None:
    """Raise Wrong unless a header of the message is this id."""
    values = {name: str(value) for name, value in message.headers.items()}
    if one in values.values():
        return
    first = two_ids(look)[0]
    if one != first and first in values.values():
        raise check.wrong("id_of_another_request", id=one, other=first)
    body = message.body if isinstance(message.body, str) else bytes(message.body).decode()
    if one in body:
        raise check.wrong("id_in_the_arguments", id=one)
    if variable := [value for value in values.values() if VARIABLE in value]:
        raise check.wrong("variable_for_value", shown=variable[0])
    if near := [(name, value) for name, value in values.items() if one in value]:
        raise check.wrong("more_than_the_id", id=one, name=near[0][0], value=near[0][1])
    if "request_id" in values:
        raise check.wrong("another_value", id=one, value=values["request_id"])
    raise check.wrong("no_header", id=one)


@check.item(todo="b", file=FILE, needs=(id_in_the_message,))
def id_in_the_worker(look: Look) -> None:
    first, second = two_ids(look)
    seen = look.ask("carried", ids=[first, second, ""])
    for one, run in zip((first, second), seen, strict=False):
        if run["errors"]:
            raise check.wrong("receiver_failed", error=run["errors"][0])
        if run["during"] == run["task"]:
            raise check.wrong("id_of_the_task", id=one)
        if run["during"] != one:
            raise check.wrong("not_taken", id=one, seen=run["during"])
        if run["after"] == one:
            raise check.wrong("not_forgotten", id=one)
    without = seen[2]
    if without["errors"]:
        raise check.wrong("failed_without_id", error=without["errors"][0])
    if without["during"] in (first, second):
        raise check.wrong("id_of_the_task_before", id=without["during"])


@check.item(todo="c", file=FILE)
def id_in_each_line(look: Look) -> None:
    first = two_ids(look)[0]
    two_jobs(look)
    log = look.web().running.text
    posts = lambda: re.findall(r".*\"POST /api/sums/.*", log())  # noqa: E731
    if error := FAILED.search(log()):
        raise check.wrong("logging_failed", error=error[1])
    try:
        # the server logs a request after it has answered
        [line, *_] = wait_until(posts, limit=5, what="the line of a request")
    except NotYet:
        raise check.wrong("line_is_gone") from None
    if VARIABLE in line:
        raise check.wrong("variable_for_value", shown=line)
    if f" {first} " not in line:
        raise check.wrong("line_without_id", id=first, line=line)


# --- live: a worker takes the two requests' tasks, and one that no request sent ------------------


@check.item(
    todo="b",
    file=FILE,
    needs=(id_in_the_message, id_in_the_worker, id_in_each_line),
    is_drill=True,
)
def one_request_in_both_logs(look: Look) -> str:
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
    ours = "\n".join(line for line in lines if f" {ids[0]} " in line)
    tasks = set(re.findall(r"[\w.]+\[[\w-]{36}\]", ours))
    return check.says("tasks_of_one_request", count=len(tasks))
