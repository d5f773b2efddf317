"""Stage 03: the app, its task, and a worker that takes it."""

import ast
import re

from workshop.checks.address import expect_your_vhost
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.project.log import jobs

check = Check(__file__)
FILE = "testing/workers.py"
TASK = "testing.workers.sum_number"
SIDE = 300  # counts 90,000 steps, some milliseconds
LEAST = 1 / 30  # of the time of two plain loops: any way to count one by one takes more
OFF_BY_ONE = {str(x * y) for x in (2, 3, 4) for y in (3, 4, 5)} - {"9", "12"}
# what sum_number(3, 4) returns, and what to say about it
OF_ANSWERS = {
    "None": "gave_none",
    "1": "gave_one",
    "4": "gave_one_row",
    "7": "gave_the_sum",
    "9": "gave_the_square",
}
OF_KINDS = {"coroutine": "gave_a_coroutine", "generator": "gave_a_generator"}


def facts(look: Look) -> dict:
    look.needs_file(FILE)
    return look.once("workers", lambda: look.ask("workers_module"))


def returns_in_a_loop(text: str) -> bool:
    """Whether a `return` is inside a loop."""
    loops = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.For | ast.While)]
    return any(isinstance(node, ast.Return) for loop in loops for node in ast.walk(loop))


def with_function(look: Look) -> dict:
    """The facts of a file that has sum_number in it. Raises Wrong."""
    found = facts(look)
    if found["broker"] and "conf" in found["broker"]:
        expect_your_vhost(found["broker"], look.broker)
    if found["sum_number"] == "missing":
        there = ", ".join(found["names"]) or "nothing"
        raise check.wrong("no_sum_number", there=there)
    return found


@check.item(todo="a", file=FILE)
def app_is_called_tasks(look: Look) -> None:
    found = facts(look)
    if not found["apps"]:
        raise check.wrong("no_app")
    if found["app_name"] is None:
        raise check.wrong("app_without_name")
    if found["app_name"] != "tasks":
        raise check.wrong("another_name", name=found["app_name"])


@check.item(todo="a", file=FILE)
def broker_is_your_vhost(look: Look) -> None:
    found = facts(look)
    if found["broker"] is None:
        raise check.wrong("no_app_so_no_broker")
    if found["broker"].get("host", "") is None and "://" in look.read(FILE):
        raise check.wrong("address_does_not_reach_the_app")
    expect_your_vhost(found["broker"], look.broker)


@check.item(todo="b", file=FILE)
def task_is_registered(look: Look) -> None:
    found = with_function(look)
    if found["sum_number"] == "plain":
        raise check.wrong("plain_function")
    if TASK not in found["tasks"]:
        raise check.wrong("named_otherwise", names=", ".join(found["tasks"]), task=TASK)
    if found["sent"]:
        raise check.wrong("sent_at_import")


@check.item(todo="c", file=FILE)
def called_directly(look: Look) -> None:
    with_function(look)
    answer = look.ask("call", x=3, y=4)
    got, kind, text = answer["value"], answer["type"], look.read(FILE)
    if got == "12":
        if look.ask("effort", side=SIDE) < LEAST:
            raise check.wrong("does_not_count", steps=SIDE**2)
        return
    if got == "1" and (typed := re.search(r"\b\w+ *=\+ *\w+", text)):
        raise check.wrong("sets_to_plus_one", typed=typed[0])
    if got == "4" and returns_in_a_loop(text):
        raise check.wrong("returns_after_a_row")
    if said := OF_ANSWERS.get(got) or OF_KINDS.get(kind):
        raise check.wrong(said)
    if got in OFF_BY_ONE:
        raise check.wrong("a_round_more_or_less", got=got)
    if kind != "int" and got.strip("'\"{}[](),") in ("12", "12.0"):
        what = check.says(kind) if kind in ("str", "float", "list", "set") else kind
        raise check.wrong("another_type", got=got, kind=what)
    raise check.wrong("another_number", got=got)


@check.item(todo="c", file=FILE, needs=(broker_is_your_vhost, task_is_registered, called_directly))
def worker_logs_the_result(look: Look) -> None:
    worker = look.worker()
    task_id = look.ask("send", x=3, y=4)
    worker.wait_for(rf"\[{task_id}\] (succeeded|raised)", limit=10)
    done = {job.id: job for job in jobs(worker.text())}[task_id]
    if done.result != "12":
        raise check.wrong("logs_another_result", result=done.result)
