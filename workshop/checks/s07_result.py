"""Stage 07: the answer comes back: a result backend, a job's own id, progress."""

import re
import uuid
from typing import Any

import httpx

from workshop.causes import likely
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.machine.patience import NotYet, wait_until
from workshop.project import probe
from workshop.project.browser import NoBrowser, in_chromium, missing

check = Check(__file__)
RESULTS, SENDING, WORKERS = "celery_testing/results.py", "sums/sending.py", "testing/workers.py"
TASK = "testing.workers.sum_number"
LONG = 5000, 4000  # takes about half a second; two numbers, in case they change places
ACCEPTING = 5  # seconds; a broker that is there takes a message in a hundredth
SUM = 30  # seconds; the largest of them takes five
ROWS = 100  # of the sum that is asked what it tells of itself
WAITS = (
    "the sending waits for the result: get() returns when a worker has done the sum, and the "
    "visitor waits as long. Send it, and return"
)
OVER = {"SUCCESS", "FAILURE", "REVOKED"}
DATABASE = re.compile(r"django-db|django_celery_results\.backends(\.database)?[.:]DatabaseBackend")
OTHER_BACKENDS = {
    "django_db": "with a hyphen",
    "django-cache": "a cache forgets, and Django's own is kept by each process for itself",
    "rpc": "rpc answers the process that sent the task, and the next request finds nothing",
    "db+": "db+ is for SQLAlchemy, which has tables of its own",
}
# what Python says of a sending that does not work, and what that means
OF_SENDING = {
    r"the sending waits for the result": WAITS,
    r"Object of type Job is not JSON": "a message holds JSON, and a Job is a row of the database: "
    "send its numbers, job.x and job.y",
    r"sum_number\(\) missing 1 required": "the message has one argument too few. x and y "
    "are two, and self comes by itself where a task is bound: bind=True",
    r"unexpected keyword argument 'task_id'": "delay takes the task's arguments and nothing else, "
    "so task_id goes to sum_number: apply_async has it as an option",
    r"takes \d positional arguments but \d were given": "sum_number takes x and y alone: the id is "
    "no argument of the task's, but an option of the sending, task_id=",
    r"uuid\.UUID": "the id is a UUID, and AMQP carries text: job.task_id is the same as a str",
    r"must be a mapping, not str": "the second place in apply_async is that of the arguments by "
    "keyword: the id is an option, task_id=",
    r"must be (a mapping|an iterable), not int": "apply_async takes the task's arguments as one "
    "tuple: (job.x, job.y)",
}


def found(look: Look, fact: str) -> Any:
    """The settings, the tables made, and a job sent, all in one process."""
    asked = {
        "results": {},
        "migrate": {},
        "submit": {"x": 3, "y": 4},
        "progress": {"x": ROWS, "y": 2},
    }
    return probe.value(look.once("found", lambda: look.ask_all(asked))[fact])


@check.item(todo="a", file=RESULTS)
def results_are_kept(look: Look) -> None:
    look.needs_file(RESULTS)
    kept = found(look, "results")
    names = ", ".join(kept["names"]) or "none"
    backend, started = kept["backend"], kept["started"]
    if kept["ignored"]:
        raise Wrong(
            "task_ignore_result is on: a worker then throws every result away. It is read from "
            "CELERY_TASK_IGNORE_RESULT"
        )
    if not backend:
        raise Wrong(
            "the app has no result backend. It reads CELERY_RESULT_BACKEND; the settings that "
            f"speak of results: {names}"
        )
    if not isinstance(backend, str):
        raise Wrong(f"the result backend is {backend}, and no text: is there a comma at its end?")
    if not DATABASE.fullmatch(backend):
        why = next((why for name, why in OTHER_BACKENDS.items() if backend.startswith(name)), "")
        raise Wrong(
            f"the result backend is {backend!r}: Django's database is django-db"
            + (f" ({why})" if why else "")
        )
    if isinstance(started, str):
        raise Wrong(f'task_track_started is the text "{started}", and is to be True, less quotes')
    if not started:
        raise Wrong(
            f"a task does not say that it has started: task_track_started is {started}. It is "
            f"read from CELERY_TASK_TRACK_STARTED; the settings that speak of results: {names}"
        )


@check.item(todo="b", file=SENDING, needs=(results_are_kept,))
def task_has_the_jobs_id(look: Look) -> None:
    look.needs_file(SENDING)
    found(look, "migrate")
    try:
        job = found(look, "submit")
    except probe.Trouble as trouble:
        for said, why in OF_SENDING.items():
            if re.search(said, trouble.what):
                raise Wrong(f"{trouble.where}: {why}") from None
        raise
    sent, text = job["sent"], look.read(SENDING)
    if job["waited"]:
        raise Wrong(WAITS)
    if not sent:
        raise Wrong(f"a job was submitted, and no message was published{why_unsent(text)}")
    if len(sent) > 1:
        raise Wrong(f"one job published {len(sent)} messages: the sum would be done as many times")
    message = sent[0]
    if message["task"] != TASK:
        raise Wrong(
            f"the message is for a task {message['task']!r}, which no worker knows: a task's name "
            f"is its module and its function, {TASK}"
        )
    told = {name: message.get(name) for name in ("x", "y")}
    if told != {"x": 3, "y": 4}:
        raise Wrong(f"for x=3, y=4 the message says {told}: x is the first, y the second")
    if message["id"] != job["id"]:
        if re.search(r"task_id\s*=", text) and ".delay(" not in text:
            raise Wrong(f"the task has the id {message['id']!r}, and the job's is {job['id']!r}")
        cannot = "delay() cannot set it" if ".delay(" in text else "apply_async's option is task_id"
        raise Wrong(
            "the task has an id of its own, and not the job's: whoever asks for the job is "
            f"told PENDING for ever. {cannot}"
        )
    if not message["known"]:
        raise Wrong(
            "no job has this id yet when the message is sent, it is saved afterwards: a worker may "
            "be quicker than that. The task takes the job's id, not the job the task's"
        )
    if message["eta"]:
        raise Wrong(
            f"no worker is to begin it before {message['eta']}: countdown and eta put a task off"
        )
    if message["routing_key"] != job["default"]:
        raise Wrong(
            f"the message has the routing key {message['routing_key']!r}, and goes to a queue from "
            "which no worker takes: leave the queue to the app's default"
        )


def why_unsent(text: str) -> str:
    """What in the learner's file looks like a sending and is none."""
    if re.search(r"\.(s|si|signature|subtask)\(", text):
        return (
            ": a signature is a task with its arguments, and is sent by .delay() or .apply_async()"
        )
    if re.search(r"\.apply\(", text):
        return ": apply() does the task here and now, apply_async() sends it"
    if re.search(r"\bsum_number\s*\(", text):
        return ": sum_number is called as a function, so the sum is done here"
    if re.search(r"\.(delay|apply_async)\b(?!\s*\()", text):
        return ": the method that sends is named, and works when it is called, with ()"
    return ": where is the task sent?"


def post(look: Look, x: int, y: int) -> dict:
    """A job, accepted by the API. After a 503 it is asked again, as a client does."""
    found(look, "migrate")
    web = look.web()

    def answered() -> httpx.Response | None:
        answer = web.ask("POST", "/api/sums/", json={"x": x, "y": y})
        return None if answer.status_code == 503 else answer

    try:
        answer = wait_until(answered, limit=ACCEPTING, what="another answer than 503")
    except NotYet:
        raise Wrong(f"for {ACCEPTING} s POST /api/sums/ was answered with 503") from None
    if answer.status_code != 202:
        raise Wrong(f"POST /api/sums/ answered {web.why(answer)}")
    job = answer.json()
    if not answer.headers.get("Location", "").endswith(f"/api/sums/{job['id']}/"):
        raise Wrong(f"its Location is {answer.headers.get('Location')!r}, not the job's address")
    return job


def now(look: Look, job: dict) -> dict:
    """What the API says of a job."""
    web = look.web()
    answer = web.get(f"/api/sums/{job['id']}/")
    if answer.status_code != 200:
        raise Wrong(f"GET {job['url']} answered {web.why(answer)}")
    return answer.json()


def over(look: Look, job: dict) -> dict:
    """The job, once it is over and has not failed. Raises Wrong, and Trouble if it has."""
    last = ended(look, job)
    if last["error"]:
        raise failed(look, job, last["error"])
    return last


def ended(look: Look, job: dict) -> dict:
    """The job, once it is over, whichever way. Raises Wrong."""

    def end() -> dict | None:
        found = now(look, job)
        return found if found["state"] in OVER else None

    try:
        return wait_until(end, limit=SUM, what="the end")
    except NotYet:
        state = now(look, job)["state"]
        raise Wrong(f"after {SUM} s {job['x']} × {job['y']} is still {state}") from None


def failed(look: Look, job: dict, error: str) -> probe.Trouble:
    """What the task raised, and in which line, of which the worker's log speaks."""
    log = look.worker("celery_testing").text().split(f"[{job['id']}] raised")[-1]
    lines = re.findall(rf'File "{re.escape(str(look.path.resolve()))}/(.+?)", line (\d+)', log)
    where = ", line ".join(lines[-1]) if lines else ""
    if "update_state" in error:
        error += " (update_state belongs to self, and has state= and meta= by keyword)"
    elif cause := likely(error):
        error += f" ({'; '.join(cause)})"
    return probe.Trouble(f"in the worker: {error}", where)


@check.item(todo="b", file=SENDING, needs=(results_are_kept, task_has_the_jobs_id))
def post_is_accepted(look: Look) -> None:
    job = look.once("first", lambda: post(look, 3, 4))
    state = now(look, job)["state"]
    if state != "PENDING":
        raise Wrong(f"no worker runs, and the job's state is {state}")
    unknown = look.web().get(f"/api/sums/{uuid.uuid4()}/")
    if unknown.status_code != 404:
        raise Wrong(
            f"an id that no job has is answered {look.web().why(unknown)}, not 404: a visitor "
            "could not tell it from a job that waits"
        )


@check.item(todo="b", file=SENDING, needs=(post_is_accepted,))
def result_comes_back(look: Look) -> None:
    job = look.once("first", lambda: post(look, 3, 4))
    told = look.once("told", lambda: progress(look))
    if told["ignored"] or found(look, "submit")["sent"][0]["ignore_result"]:
        where = WORKERS if told["ignored"] else ""
        raise Wrong("ignore_result is set: the worker throws the task's result away", where=where)
    expect_sound(told)
    look.worker("celery_testing")
    last = over(look, job)
    if last["state"] != "SUCCESS":
        raise Wrong(f"3 × 4 ended as {last['state']}")
    if last["result"] != 12:
        raise Wrong(
            f"3 × 4 has the result {last['result']}: does return num stand below both loops, and "
            "in neither?"
        )


def progress(look: Look) -> dict:
    """What the task tells of itself; nothing where it cannot be run here, which a worker shows."""
    try:
        return found(look, "progress")
    except probe.Trouble:
        return {"id": "", "told": [], "ignored": False}


def expect_sound(told: dict) -> None:
    """Raise Wrong if the task tells its progress in a way that the job cannot read."""
    shares = []
    for one in told["told"]:
        state, meta = one["state"], one["meta"]
        if one["id"] not in (None, told["id"]):
            raise untold(
                f"update_state got {one['id']!r} as its first argument, which is a task's id: give "
                "it state= and meta= by keyword"
            )
        if state != "PROGRESS":
            near = isinstance(state, str) and state.upper() == "PROGRESS"
            why = "it is written letter for letter" if near else "the job is to be in PROGRESS"
            raise untold(f"update_state names the state {state!r}: {why}")
        if not isinstance(meta, dict):
            raise untold(f"update_state has the meta {meta}: it is a dict with done and total")
        if missing := [name for name in ("done", "total") if name not in meta]:
            raise untold(f"update_state has the meta {meta}, without {' and '.join(missing)}")
        done, total = meta["done"], meta["total"]
        if not all(isinstance(n, int | float) for n in (done, total)):
            raise untold(f"update_state has the meta {meta}: done and total are to be numbers")
        shares += [100 * done / total] if total else []
    if shares and max(shares) > 100:
        raise untold(
            f"it said {max(shares):.0f} per cent, more than 100: done is what is done of total. "
            "Are they turned round, or does one count rows and the other something else?"
        )
    if len(shares) > 1 and max(shares) < 50:
        raise untold(
            f"it never said more than {max(shares):.0f} per cent: does done count what total does?"
        )


def untold(seen: str) -> Wrong:
    return Wrong(seen, where=WORKERS)


@check.item(todo="c", file=WORKERS, needs=(result_comes_back,))
def progress_grows(look: Look) -> None:
    look.worker("celery_testing")
    seen, states = watch(look, post(look, *LONG))
    if "PROGRESS" not in states:
        own = {state.upper() for state in states}
        why = "it is written letter for letter" if "PROGRESS" in own else "is it told in the loop?"
        raise Wrong(f"no PROGRESS was seen while it worked, only {', '.join(states)}: {why}")
    if max(seen) > 100:
        raise Wrong(
            f"it said {max(seen)} per cent, more than 100: done is what is done of total. Are they "
            "turned round, or does one count rows and the other something else?"
        )
    if len([percent for percent in seen if 0 < percent < 100]) < 2:
        raise Wrong(
            f"while it worked it said {seen} per cent: is update_state in the loop? Its meta has "
            "done, the row the loop is at, and total, all the rows"
        )
    if seen != sorted(seen):
        raise Wrong(f"the progress went back: {seen}")


def watch(look: Look, job: dict) -> tuple[list[int], list[str]]:
    """Each per cent and each state of a job, as they changed until it was over."""
    seen: list[int] = []
    states: list[str] = []

    def is_over() -> dict | None:
        last = now(look, job)
        seen.extend([last["percent"]] if seen[-1:] != [last["percent"]] else [])
        states.extend([last["state"]] if states[-1:] != [last["state"]] else [])
        return last if last["state"] in OVER else None

    try:
        last = wait_until(is_over, limit=SUM, what="the end")
    except NotYet:
        raise Wrong(f"after {SUM} s {job['x']} × {job['y']} is still {states[-1]}") from None
    if last["error"]:
        raise failed(look, job, last["error"])
    return seen, states


@check.item(todo="c", file=WORKERS, needs=(result_comes_back,))
def cancelled_stops(look: Look) -> None:
    worker, job = look.worker("celery_testing"), post(look, 8000, 8000)
    wait_until(lambda: now(look, job)["state"] != "PENDING", limit=10, what="its start")
    answer = look.web().ask("DELETE", f"/api/sums/{job['id']}/")
    if answer.status_code != 202:
        raise Wrong(f"DELETE answered {look.web().why(answer)}")
    if now(look, job)["state"] != "REVOKED":
        raise Wrong(f"it was cancelled, and its state is {now(look, job)['state']}")
    end = worker.wait_for(rf"\[{job['id']}\] (?!received)")[0]
    if "] ignored" not in end:
        raise Wrong(
            "it was cancelled, and the worker counted to its end all the same: does the loop ask "
            "stop_if_cancelled, again and again?"
        )


@check.item(todo="c", file=WORKERS, needs=(progress_grows, cancelled_stops), is_drill=True)
def page_fills(look: Look) -> str:
    look.worker("celery_testing")
    if missing():
        return page_over_http(look, f"{missing()}; `make browser` gets one")
    try:
        return in_chromium(lambda page: page_in_chromium(look, page))
    except NoBrowser as error:
        return page_over_http(look, f"Chromium does not start: {error}")


def page_in_chromium(look: Look, page) -> str:
    """What somebody sees who fills in the form."""
    x, y = LONG[0], LONG[1] + 1  # no other job on the page has these
    page.goto(look.web().base)
    page.fill("#id_x", str(x))
    page.fill("#id_y", str(y))
    page.click("#send")
    ours = page.locator("article").filter(has_text=f"{x} × {y}")
    seen, text = set(), ""

    def is_over() -> bool:  # all three in one: htmx puts another article in its place at any time
        nonlocal text
        state, value, text = ours.evaluate(
            "it => [it.dataset.state, it.querySelector('progress')?.value ?? null, it.innerText]"
        )
        seen.add(value)
        return state in OVER

    try:
        wait_until(is_over, limit=SUM, what="the end")
    except NotYet:
        raise Wrong(f"after {SUM} s the page says: {' '.join(text.split())}") from None
    seen -= {None}
    if str(x * y) not in text:
        raise Wrong(f"the page says: {' '.join(text.split())}")
    if not any(0 < value < 100 for value in seen):
        raise Wrong(f"the bar showed {sorted(seen)} and nothing between")
    return "seen in Chromium"


def page_over_http(look: Look, why: str) -> str:
    """The same from the page's text, where there is no browser to be driven."""
    x, y = LONG
    over(look, post(look, x, y))
    if str(x * y) not in look.web().get("/").text:
        raise Wrong(f"the page at / does not show {x * y}")
    return f"read over HTTP ({why})"
