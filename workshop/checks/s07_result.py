"""Stage 07: the answer comes back: a result backend, a job's own id, progress."""

import re
import time

from workshop import probe
from workshop.browser import in_chromium, missing
from workshop.checks import Check
from workshop.checks.look import Look, Wrong
from workshop.waiting import NotYet, wait_until

check = Check()
RESULTS, SENDING, WORKERS = "celery_testing/results.py", "sums/sending.py", "testing/workers.py"
KEPT = "results are kept in Django's database"
OWN_ID = "the task is sent under the job's own id"
ACCEPTED = "POST answers 202 with a Location, before any worker runs"
COMES_BACK = "the result comes back: 3 × 4 is 12"
LONG = 5000, 4000  # takes about half a second; x and y are two numbers, in case they change places
OVER = {"SUCCESS", "FAILURE", "REVOKED"}
BACKEND = re.compile(r"django-db|django_celery_results\.backends(\.database)?[.:]DatabaseBackend")
KEPT_ELSEWHERE = {
    "django_db": "with a hyphen",
    "django-cache": "the cache of one process is not another's",
    "rpc": "rpc keeps an answer for the process that sent the task, and the next request finds none",
    "db+": "db+ is for SQLAlchemy, and Django's tables are another's",
}


def found(look: Look, fact: str) -> dict:
    """The settings, tables in the check's database, and a job sent, all in one process."""
    asked = {"results": {}, "migrate": {}, "submit": {"x": 3, "y": 4}}
    return probe.value(look.once("found", lambda: look.ask_all(asked))[fact])


@check.item(
    KEPT,
    todo="a",
    file=RESULTS,
    hints=(
        "Where does a worker put what a task returns, and who may ask for it?",
        "Celery's setting is result_backend; in Django's settings it has capitals, and CELERY_ "
        "before it. The other one is task_track_started.",
        'CELERY_RESULT_BACKEND = "django-db", and below it CELERY_TASK_TRACK_STARTED = True',
    ),
)
def results_are_kept(look: Look) -> None:
    look.needs_file(RESULTS)
    found = look.ask("results")
    names = ", ".join(found["names"]) or "none"
    if not found["backend"]:
        raise Wrong(f"the app has no result backend. Settings that speak of results: {names}")
    if found["backend"] not in ("django-db", "django_celery_results.backends:DatabaseBackend"):
        raise Wrong(f"the result backend is {found['backend']!r}: Django's database is django-db")
    if found["started"] is not True:
        raise Wrong(
            "a task does not say that it has started: task_track_started is "
            f"{found['started']!r}. Settings that speak of results: {names}"
        )


@check.item(
    OWN_ID,
    todo="b",
    file=SENDING,
    hints=(
        "The job has an id before its task has one. How does the task get the same?",
        "delay() takes the task's arguments and nothing else. apply_async takes them as one "
        "tuple, and options of the sending after it: task_id is one.",
        "sum_number.apply_async((job.x, job.y), task_id=job.task_id)",
    ),
)
def task_has_the_jobs_id(look: Look) -> None:
    look.needs_file(SENDING)
    look.migrate()
    found = look.ask("submit", x=3, y=4)
    sent = found["sent"]
    if not sent:
        raise Wrong("a job was submitted, and no message was published")
    if len(sent) > 1:
        raise Wrong(f"one job published {len(sent)} messages")
    told = {name: sent[0].get(name) for name in ("task", "x", "y")}
    if told != {"task": "testing.workers.sum_number", "x": 3, "y": 4}:
        raise Wrong(f"for x=3, y=4 the message says {told}")
    if sent[0]["id"] != found["id"]:
        raise Wrong(
            "the task has an id of its own, and not the job's: whoever asks for the job is "
            "told PENDING for ever. delay() cannot set it"
        )


def post(look: Look, x: int, y: int) -> dict:
    """A job, accepted by the API."""
    web = look.web()
    answer = web.ask("POST", "/api/sums/", json={"x": x, "y": y})
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


def over(look: Look, job: dict, limit: float = 30) -> dict:
    """The job, once it is over. Raises Wrong."""
    try:
        wait_until(lambda: now(look, job)["state"] in OVER, limit=limit, what="the end")
    except NotYet:
        state = now(look, job)["state"]
        raise Wrong(f"after {limit:g} s {job['x']} × {job['y']} is still {state}") from None
    return now(look, job)


@check.item(
    ACCEPTED,
    todo="b",
    file=SENDING,
    needs=(KEPT, OWN_ID),
    hints=(
        "What does Django's own server say when you start it and post a sum?",
        "In a terminal in the stage's folder: python manage.py migrate, then python manage.py "
        "runserver $PORT. The form on its first page posts one.",
        "Its last lines name the file and the line. sums/api.py needs no change.",
    ),
)
def post_is_accepted(look: Look) -> None:
    look.migrate()
    job = look.once("first", lambda: post(look, 3, 4))
    state = now(look, job)["state"]
    if state != "PENDING":
        raise Wrong(f"no worker runs, and the job's state is {state}")


@check.item(
    COMES_BACK,
    todo="b",
    file=SENDING,
    needs=(ACCEPTED,),
    hints=(
        "Does the worker do the task, and does it keep the result where the web server looks?",
        "The worker's log, and the table of results: python manage.py shell, "
        "TaskResult.objects.all().",
        "The loops of sum_number and its return num stay as they are.",
    ),
)
def result_comes_back(look: Look) -> None:
    job = look.once("first", lambda: post(look, 3, 4))
    look.worker("celery_testing")
    found = over(look, job)
    if found["error"]:
        raise Wrong(f"the task failed in the worker: {found['error']}")
    if (found["state"], found["result"]) != ("SUCCESS", 12):
        raise Wrong(f"3 × 4 is {found['state']} with the result {found['result']}")


@check.item(
    "its progress grows while the worker works",
    todo="c",
    file=WORKERS,
    needs=(COMES_BACK,),
    hints=(
        "Who knows how far the task is, and where can they leave word of it?",
        "A bound task (self) has update_state: a state of your own naming, and a meta, which is "
        "a dict. sums/models.py reads done and total from it.",
        'self.update_state(state="PROGRESS", meta={"done": row, "total": x})',
    ),
)
def progress_grows(look: Look) -> None:
    job = post(look, SIDE, SIDE)
    seen, states = watch(look, job)
    between = sorted({percent for percent in seen if 0 < percent < 100})
    if "PROGRESS" not in states:
        raise Wrong(f"no PROGRESS was seen while it worked, only {', '.join(states)}")
    if len(between) < 2:
        raise Wrong(
            f"while it worked it said {sorted(set(seen))} per cent: done is the row it is at, and "
            "total all the rows"
        )
    if seen != sorted(seen):
        raise Wrong(f"the progress went back: {seen}")


def watch(look: Look, job: dict) -> tuple[list[int], list[str]]:
    """Each per cent and each state of a job, as they changed until it was over."""
    seen, states, end = [], [], time.monotonic() + 30
    while not states or states[-1] not in OVER:
        if time.monotonic() > end:
            raise Wrong(f"after 30 s {job['x']} × {job['y']} is still {states[-1]}")
        found = now(look, job)
        seen += [found["percent"]] if seen[-1:] != [found["percent"]] else []
        states += [found["state"]] if states[-1:] != [found["state"]] else []
    if states[-1] == "FAILURE":
        raise Wrong(f"the task failed in the worker: {found['error']}")
    return seen, states


@check.item(
    "a running sum that is cancelled stops at its next step",
    todo="c",
    file=WORKERS,
    needs=(COMES_BACK,),
    hints=(
        "Who can stop a task that runs?",
        "The task itself, between two steps: stop_if_cancelled stands there already. Is it "
        "still there, inside the loop?",
        "stop_if_cancelled(self), before update_state.",
    ),
)
def cancelled_stops(look: Look) -> None:
    job = post(look, 10_000, 10_000)
    worker = look.worker("celery_testing")
    worker.wait_for(rf"\[{job['id']}\].*counting|\[{job['id']}\] received", limit=10)
    wait_until(lambda: now(look, job)["state"] != "PENDING", limit=10, what="its start")
    answer = look.web().ask("DELETE", f"/api/sums/{job['id']}/")
    if answer.status_code != 202:
        raise Wrong(f"DELETE answered {look.web().why(answer)}")
    after = post(look, 1, 1)  # the next one in the queue: done once the worker is free
    over(look, after)
    over(look, job)
    if f"[{job['id']}] succeeded" in worker.text():
        raise Wrong("it was cancelled, and the worker counted to its end all the same")


@check.item(
    "on the page a bar fills, and then the result stands there",
    needs=("its progress grows while the worker works",),
    hints=(
        "What does the page show in your own browser?",
        "python manage.py migrate, runserver and a worker, each in a terminal in the stage's "
        "folder; then the server's first page.",
        "The page shows what the API says: look at a, b and c first.",
    ),
)
def page_fills(look: Look) -> str:
    look.worker("celery_testing")
    if missing():
        return page_over_http(look)
    return in_chromium(lambda page: page_in_chromium(look, page))


def page_in_chromium(look: Look, page) -> str:
    """What somebody sees who fills in the form."""
    x, y = SIDE, SIDE + 1  # no other job on the page has these
    page.goto(look.web().base)
    page.fill("#id_x", str(x))
    page.fill("#id_y", str(y))
    page.click("#send")
    ours = page.locator("article").filter(has_text=f"{x} × {y}")
    values: set[int] = set()
    while ours.get_attribute("data-state") not in OVER:
        bars = ours.locator("progress").all()
        values |= {int(bar.get_attribute("value")) for bar in bars}
    if str(x * y) not in ours.inner_text():
        raise Wrong(f"the page says: {' '.join(ours.inner_text().split())}")
    if not any(0 < value < 100 for value in values):
        raise Wrong(f"the bar showed {sorted(values)} and nothing between")
    return "seen in Chromium"


def page_over_http(look: Look) -> str:
    """The same from the page's text, where there is no browser to be driven."""
    job = post(look, SIDE, SIDE)
    over(look, job)
    text = look.web().get("/").text
    if str(SIDE * SIDE) not in text:
        raise Wrong(f"the page at / does not show {SIDE * SIDE}")
    return f"read over HTTP ({missing()}; `make browser` gets one)"
