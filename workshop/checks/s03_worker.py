"""Stage 03: the app, its task, and a worker that takes it."""

from workshop.checks import Check
from workshop.checks.look import Look, Wrong
from workshop.worklog import jobs

check = Check()
FILE = "testing/workers.py"
TASK = "testing.workers.sum_number"


def facts(look: Look) -> dict:
    look.needs_file(FILE)
    return look.once("workers", lambda: look.ask("workers_module"))


@check.item("the app is called tasks", todo="a", file=FILE)
def app_is_called_tasks(look: Look) -> None:
    found = facts(look)
    if not found["apps"]:
        raise Wrong("no Celery app is made in this file: look at how Celery(...) is called")
    if found["app_name"] != "tasks":
        raise Wrong(
            f"the app's name is {found['app_name']!r}: it is the first argument of Celery(...)"
        )


@check.item("the app's broker is your vhost", todo="a", file=FILE)
def broker_is_your_vhost(look: Look) -> None:
    broker = facts(look)["broker"]
    if broker is None:
        raise Wrong("there is no app yet, so no broker")
    look.is_your_vhost(broker)


@check.item("sum_number is a task of the app", todo="b", file=FILE)
def task_is_registered(look: Look) -> None:
    found = facts(look)
    if found["sum_number"] == "missing":
        raise Wrong("there is no sum_number in this file")
    if found["sum_number"] == "plain":
        raise Wrong("sum_number is a plain function: what makes a function a task of the app?")
    if TASK not in found["tasks"]:
        raise Wrong(f"the app knows these tasks: {found['tasks']}; a worker looks for {TASK}")


@check.item("sum_number(3, 4) gives 12", todo="c", file=FILE)
def called_directly(look: Look) -> None:
    if facts(look)["sum_number"] == "missing":
        raise Wrong("there is no sum_number in this file")
    got = look.ask("call", x=3, y=4)
    if got is None:
        raise Wrong("sum_number(3, 4) gave None: does the function return its count?")
    if got != 12:
        raise Wrong(f"sum_number(3, 4) gave {got!r}: count once for each x and each y")


@check.item(
    "a worker takes sum_number(3, 4) from the queue and logs 12",
    todo="c",
    file=FILE,
    needs=(
        "the app's broker is your vhost",
        "sum_number is a task of the app",
        "sum_number(3, 4) gives 12",
    ),
)
def worker_logs_the_result(look: Look) -> None:
    worker = look.worker("testing.workers")
    task_id = look.ask("send", x=3, y=4)
    worker.wait_for(rf"\[{task_id}\] (succeeded|raised)", limit=10)
    done = {job.id: job for job in jobs(worker.text())}[task_id]
    if done.result != "12":
        raise Wrong(f"the worker's log gives the result {done.result!r}: worker.show()")
