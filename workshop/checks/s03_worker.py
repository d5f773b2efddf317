"""Stage 03: the app, its task, and a worker that takes it."""

import ast
import re

from workshop.checks.address import expect_your_vhost
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.project.log import jobs

check = Check(__file__)
FILE = "testing/workers.py"
TASK = "testing.workers.sum_number"
SIDE = 300  # counts 90,000 steps, some milliseconds
LEAST = 1 / 30  # of the time of two plain loops: any way to count one by one takes more
OFF_BY_ONE = {str(x * y) for x in (2, 3, 4) for y in (3, 4, 5)} - {"9", "12"}
KINDS = {"str": "text", "float": "a number with a fraction", "list": "a list", "set": "a set"}


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
        raise Wrong(f"there is no sum_number in this file; it has: {there}")
    return found


@check.item(todo="a", file=FILE)
def app_is_called_tasks(look: Look) -> None:
    found = facts(look)
    if not found["apps"]:
        raise Wrong(
            "no Celery app is made in this file: the worker looks for one, called app",
            "What has the library celery to do with the worker? Which class does the file import?",
            "At the top of the file: `from celery import Celery`, and then one line that makes "
            "the app. `workshop diff` shows where it stood.",
            'app = Celery("tasks", broker=…)',
        )
    if found["app_name"] is None:
        raise Wrong(
            "the app has no name (None): it is the first argument of Celery(...), in quotes"
        )
    if found["app_name"] != "tasks":
        raise Wrong(
            f"the app's name is {found['app_name']!r}: it is the first argument of Celery(...)"
        )


@check.item(todo="a", file=FILE)
def broker_is_your_vhost(look: Look) -> None:
    found = facts(look)
    if found["broker"] is None:
        raise Wrong("there is no app yet, so no broker")
    if found["broker"].get("host", "") is None and "://" in look.read(FILE):
        raise Wrong(
            "the app has no address of yours: it goes to guest@localhost, vhost '/'. The address "
            "in this file does not reach it: it is the argument broker=, or the setting broker_url"
        )
    expect_your_vhost(found["broker"], look.broker)


@check.item(todo="b", file=FILE)
def task_is_registered(look: Look) -> None:
    found = with_function(look)
    if found["sum_number"] == "plain":
        raise Wrong("sum_number is a plain function: what makes a function a task of the app?")
    if TASK not in found["tasks"]:
        raise Wrong(
            f"the app knows the task by another name: {', '.join(found['tasks'])}. A message asks "
            f"for {TASK}: the module, a dot, the function",
            "Who gives a task its name?",
            "The decorator: what stands in its brackets?",
            "@app.task alone names the task after its module and its function.",
        )
    if found["sent"]:
        raise Wrong(
            "a line with delay() in no function sends a task each time this file is imported",
            "What does Python do with a line that is in no function?",
            "It runs it whenever the file is imported. A worker imports this file when it starts.",
            "Take out the line with delay() that is in no function.",
        )


@check.item(todo="c", file=FILE)
def called_directly(look: Look) -> None:
    with_function(look)
    answer = look.ask("call", x=3, y=4)
    got, kind = answer["value"], answer["type"]
    if got == "12":
        if look.ask("effort", side=SIDE) < LEAST:
            raise Wrong(
                f"sum_number gives the right number, but does not count: {SIDE**2:,} steps take "
                "almost no time",
                "How many steps does the function make for x=3, y=4?",
                "The task stands for heavy work: the later cells watch a worker while it counts.",
                "Two loops, one inside the other, and num += 1 in the inner one.",
            )
        return
    if got == "None":
        raise Wrong("sum_number(3, 4) gave None: does the function return its count?")
    if got == "1" and (typed := re.search(r"\b\w+ *=\+ *\w+", look.read(FILE))):
        raise Wrong(
            f"sum_number(3, 4) gave 1: `{typed[0]}` sets the name to plus 1, again and again. "
            "+= adds"
        )
    if got == "1":
        raise Wrong(
            "sum_number(3, 4) gave 1: it returned at the first round. How far in does the line "
            "with return stand?"
        )
    if got == "4" and returns_in_a_loop(look.read(FILE)):
        raise Wrong(
            "sum_number(3, 4) gave 4: it returned after the first row. How far in does the line "
            "with return stand?"
        )
    if got == "4":
        raise Wrong(
            "sum_number(3, 4) gave 4, one row alone: is the count set to 0 again for every row?"
        )
    if got == "9":
        raise Wrong(
            f"sum_number(3, 4) gave {got}: both loops go over the same number. One is x, one is y"
        )
    if got in OFF_BY_ONE:
        raise Wrong(
            f"sum_number(3, 4) gave {got}: one round more or less in a loop. range(n) makes n "
            "rounds, range(1, n) one less, range(n + 1) one more"
        )
    if got == "7":
        raise Wrong("sum_number(3, 4) gave 7, which is x + y: count once for each x and each y")
    if kind == "coroutine":
        raise Wrong(
            "sum_number(3, 4) gave a coroutine: an async function. A worker calls a plain one",
            "What does calling a function give that was defined with `async def`?",
            "A worker calls the task and keeps what it gives. It awaits nothing.",
            "def sum_number(x, y): without the word async.",
        )
    if kind == "generator":
        raise Wrong("sum_number(3, 4) gave a generator: the function yields; it must return")
    if kind != "int" and got.strip("'\"{}[](),") in ("12", "12.0"):
        raise Wrong(
            f"sum_number(3, 4) gave {got}, which is {KINDS.get(kind, kind)}: return a whole number"
        )
    raise Wrong(f"sum_number(3, 4) gave {got}: count once for each x and each y")


@check.item(todo="c", file=FILE, needs=(broker_is_your_vhost, task_is_registered, called_directly))
def worker_logs_the_result(look: Look) -> None:
    worker = look.worker("testing.workers")
    task_id = look.ask("send", x=3, y=4)
    worker.wait_for(rf"\[{task_id}\] (succeeded|raised)", limit=10)
    done = {job.id: job for job in jobs(worker.text())}[task_id]
    if done.result != "12":
        raise Wrong(f"the worker's log gives the result {done.result!r}: worker.show()")
