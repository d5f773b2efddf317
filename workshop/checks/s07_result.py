"""Stage 07: the answer comes back: a result backend, a job's own id, progress."""

import re
import uuid
from typing import Any

from workshop.checks import api
from workshop.checks.content import first
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.page import expect_a_page_that_fills
from workshop.project import probe

check = Check(__file__)
SETTINGS, SERVICES, TASKS = "celery_testing/settings.py", "sums/services.py", "sums/tasks.py"
TASK = "sums.tasks.sum_number"
LONG = 5000, 4000  # takes about half a second; two numbers, in case they are swapped
ROWS = 100  # of the sum whose progress reports are checked
DATABASE = re.compile(r"django-db|django_celery_results\.backends(\.database)?[.:]DatabaseBackend")
# what to say if the pattern fits: the first one counts
OF_BACKENDS = (
    (r"^django_db", "underscore_for_hyphen"),
    (r"^django-cache", "cache_for_database"),
    (r"^rpc", "rpc_backend"),
    (r"^db\+", "sqlalchemy_backend"),
)
# what Python says about a submit that does not work
OF_SENDING = (
    (r"the sending waits for the result", "waits_for_the_result"),
    (r"taskresult\.task_id", "called_without_a_task"),
    (r"sums_job\.key", "job_saved_afterwards"),
    (r"Object of type Job is not JSON", "job_for_its_numbers"),
    (r"sum_number\(\) missing 2 required", "no_arguments"),
    (r"sum_number\(\) missing 1 required", "one_argument_too_few"),
    (r"unexpected keyword argument 'task_id'", "id_given_to_delay"),
    (r"takes \d positional arguments but \d were given", "id_as_argument"),
    (r"uuid\.UUID", "id_as_uuid"),
    (r"must be a mapping, not str", "id_without_keyword"),
    (r"must be (a mapping|an iterable), not int", "no_tuple"),
)
# what looks like sending in the learner's file, but is not
OF_UNSENT = (
    (r"\.(s|si|signature|subtask)\(", "only_a_signature"),
    (r"\.apply\(", "done_here_by_apply"),
    (r"\bsum_number\s*\(", "called_as_a_function"),
    (r"\.(delay|apply_async)\b(?!\s*\()", "sending_not_called"),
)
# what in the learner's file sends under another id
OF_ANOTHER_ID = (
    (r"\.delay\(", "delay_sets_no_id"),
    (r"task_id\s*=", "another_id"),
)


def found(look: Look, fact: str) -> Any:
    """The settings, the new tables, and a job that was sent, all from one process."""
    asked = {
        "results": {},
        "migrate": {},
        "submit": {"x": 3, "y": 4},
        "progress": {"x": ROWS, "y": 2},
    }
    return probe.value(look.once("found", lambda: look.ask_all(asked))[fact])


@check.item(todo="a", file=SETTINGS)
def results_are_kept(look: Look) -> None:
    look.needs_file(SETTINGS)
    kept = found(look, "results")
    names = ", ".join(kept["names"]) or check.says("no_names")
    backend, started = kept["backend"], kept["started"]
    if kept["ignored"]:
        raise check.wrong("ignored_in_settings")
    if not backend:
        raise check.wrong("no_backend", names=names)
    if not isinstance(backend, str):
        raise check.wrong("backend_is_no_text", backend=backend)
    if not DATABASE.fullmatch(backend):
        raise check.first_wrong(OF_BACKENDS, backend, backend=backend) or check.wrong(
            "another_backend", backend=backend
        )
    if isinstance(started, str):
        raise check.wrong("started_as_text", started=started)
    if not started:
        raise check.wrong("start_is_not_told", started=started, names=names)


@check.item(todo="b", file=SERVICES, needs=(results_are_kept,))
def task_has_the_jobs_id(look: Look) -> None:
    look.needs_file(SERVICES)
    look.once("migrate", lambda: found(look, "migrate"))  # so that look.migrate() can skip it
    job, text = submitted(look), look.read(SERVICES)
    if job["waited"]:
        raise check.wrong("waits_for_the_result")
    expect_one_message(job["sent"], text)
    message = job["sent"][0]
    expect_the_task(message)
    expect_the_jobs_id(message, job["id"], text)
    if message["committed"]:
        raise check.wrong("sent_after_the_commit")
    expect_a_worker_takes_it(message, job["default"])


def submitted(look: Look) -> dict:
    """What was published when a job was submitted. Raises Wrong, or Trouble for another cause."""
    try:
        return found(look, "submit")
    except probe.Trouble as trouble:
        said, _ = first(OF_SENDING, trouble.what)
        if said:
            why = check.says(said)
            raise check.wrong("sending_failed", place=trouble.where or SERVICES, why=why) from None
        raise


def expect_one_message(sent: list[dict], text: str) -> None:
    if not sent:
        raise check.first_wrong(OF_UNSENT, text) or check.wrong("nowhere_sent")
    if len(sent) > 1:
        raise check.wrong("several_messages", count=len(sent))


def expect_the_task(message: dict) -> None:
    if message["task"] != TASK:
        raise check.wrong("unknown_task", task=message["task"], name=TASK)
    told = {name: message.get(name) for name in ("x", "y")}
    if told != {"x": 3, "y": 4}:
        raise check.wrong("other_numbers", told=told)


def expect_the_jobs_id(message: dict, jobs: str, text: str) -> None:
    if message["id"] != jobs:
        raise check.first_wrong(OF_ANOTHER_ID, text, id=message["id"], jobs=jobs) or check.wrong(
            "no_id_set"
        )
    if not message["known"]:
        raise check.wrong("job_saved_afterwards")


def expect_a_worker_takes_it(message: dict, default: str) -> None:
    if message["eta"]:
        raise check.wrong("put_off", eta=message["eta"])
    if message["routing_key"] != default:
        raise check.wrong("another_queue", key=message["routing_key"])


@check.item(todo="b", file=SERVICES, needs=(results_are_kept, task_has_the_jobs_id))
def post_is_accepted(look: Look) -> None:
    job = look.once("first", lambda: api.post(look, 3, 4))
    state = api.now(look, job)["state"]
    if state != "PENDING":
        raise check.wrong("not_pending", state=state)
    unknown = look.web().get(f"/api/sums/{uuid.uuid4()}/")
    if unknown.status_code != 404:
        raise check.wrong("unknown_id_not_missing", why=look.web().why(unknown))


@check.item(todo="b", file=SERVICES, needs=(post_is_accepted,))
def result_comes_back(look: Look) -> None:
    job = look.once("first", lambda: api.post(look, 3, 4))
    told = look.once("told", lambda: progress(look))
    if told["ignored"] or found(look, "submit")["sent"][0]["ignore_result"]:
        raise check.wrong("ignored_by_the_task", where=TASKS if told["ignored"] else "")
    expect_sound(told)
    look.worker()
    last = api.finished_job(look, job)
    if last["state"] != "SUCCESS":
        raise check.wrong("no_success", state=last["state"])
    if last["result"] != 12:
        raise check.wrong("another_result", result=last["result"])


def progress(look: Look) -> dict:
    """What the task reports; nothing if it cannot run here, which a worker will show."""
    try:
        return found(look, "progress")
    except probe.Trouble:
        return {"id": "", "told": [], "ignored": False}


def expect_sound(told: dict) -> None:
    """Raise Wrong if the task reports its progress in a way that the job cannot read."""
    for one in told["told"]:
        expect_done_of_total(one, told["id"])
    totals = [(one["meta"]["done"], one["meta"]["total"]) for one in told["told"]]
    shares = [100 * done / total for done, total in totals if total]
    if shares and max(shares) > 100:
        raise check.wrong("more_than_all", percent=max(shares), where=TASKS)
    if len(shares) > 1 and max(shares) < 50:
        raise check.wrong("less_than_half", percent=max(shares), where=TASKS)


def expect_done_of_total(one: dict, task_id: str) -> None:
    """Raise Wrong unless the state is PROGRESS, and its meta has the numbers done and total."""
    state, meta = one["state"], one["meta"]
    if one["id"] not in (None, task_id):
        raise check.wrong("first_argument_is_an_id", id=one["id"], where=TASKS)
    if state != "PROGRESS":
        near = isinstance(state, str) and state.upper() == "PROGRESS"
        said = "state_in_other_letters" if near else "another_state"
        raise check.wrong(said, state=state, where=TASKS)
    if not isinstance(meta, dict):
        raise check.wrong("meta_is_no_dict", meta=meta, where=TASKS)
    if lacks := [name for name in ("done", "total") if name not in meta]:
        names = check.says("and").join(lacks)
        raise check.wrong("meta_without", meta=meta, names=names, where=TASKS)
    if not all(isinstance(meta[name], int | float) for name in ("done", "total")):
        raise check.wrong("meta_without_numbers", meta=meta, where=TASKS)


@check.item(todo="c", file=TASKS, needs=(result_comes_back,))
def progress_grows(look: Look) -> None:
    look.worker()
    seen = api.watch(look, api.post(look, *LONG))
    percents, states = api.changes(seen, "percent"), api.changes(seen, "state")
    if "PROGRESS" not in states:
        near = "PROGRESS" in {state.upper() for state in states}
        said = "seen_in_other_letters" if near else "no_progress_seen"
        raise check.wrong(said, states=", ".join(states))
    if max(percents) > 100:
        raise check.wrong("more_than_all", percent=max(percents))
    if len([percent for percent in percents if 0 < percent < 100]) < 2:
        raise check.wrong("nothing_between", percents=percents)
    api.expect_no_step_back(percents)


@check.item(todo="c", file=TASKS, needs=(result_comes_back,))
def cancelled_stops(look: Look) -> None:
    worker, job = look.worker(), api.post(look, 8000, 8000)
    api.cancel(look, job)
    api.expect_revoked(api.now(look, job))
    end = worker.wait_for(rf"\[{job['id']}\] (?!received)")[0]
    if "] ignored" not in end:
        raise check.wrong("counted_to_its_end")


@check.item(todo="c", file=TASKS, needs=(progress_grows, cancelled_stops), is_drill=True)
def page_fills(look: Look) -> str:
    look.worker()
    return expect_a_page_that_fills(look, LONG[0], LONG[1] + 1)
