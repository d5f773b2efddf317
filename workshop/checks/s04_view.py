"""Stage 04: a request hands the work over, and is answered before it is done."""

from workshop import probe
from workshop.checks import Check
from workshop.checks.look import Look, Wrong, process_ids
from workshop.worklog import jobs

check = Check()
VIEWS, URLS = "testing/views.py", "testing/urls.py"
LIVE = (
    'the view answers 200 {"res": "good"}',
    "the route sends /sum/3/4/ to a view",
    "x and y reach the view as whole numbers",
)
SIDE = 4000  # a sum of 4000 × 4000 takes about half a second


def found(look: Look, fact: str) -> dict:
    """The view called in a process of its own, and what the routes make of two paths."""
    asked = {"view": {"x": 3, "y": 4}, "routes": {"paths": ["/sum/3/4/", "/sum/3/4", "//sum/3/4/"]}}
    return probe.value(look.once("found", lambda: look.ask_all(asked))[fact])


@check.item('the view answers 200 {"res": "good"}', todo="a", file=VIEWS)
def view_answers_good(look: Look) -> None:
    look.needs_file(VIEWS)
    answer = found(look, "view")
    if answer["status"] != 200 or answer["data"] != {"res": "good"}:
        raise Wrong(f"sum_it answers {answer['status']} {answer['data']}")


@check.item("the view sends the task to the broker", todo="a", file=VIEWS)
def view_sends(look: Look) -> None:
    look.needs_file(VIEWS)
    sent = found(look, "view")["sent"]
    if not sent:
        raise Wrong(
            "the view was called and no message was published: is the task called, sent, or "
            "only named? A method works when it is called, with ()"
        )
    if len(sent) > 1:
        raise Wrong(f"one request published {len(sent)} messages")
    if sent[0] != {"task": "testing.workers.sum_number", "x": 3, "y": 4}:
        raise Wrong(f"what the view sent for x=3, y=4: {sent[0]}")


@check.item("the route sends /sum/3/4/ to a view", todo="b", file=URLS)
def route_is_there(look: Look) -> None:
    look.needs_file(URLS)
    routes = found(look, "routes")
    if routes["/sum/3/4/"] is None:
        slash = ", but finds /sum/3/4: look at the route's end" if routes["/sum/3/4"] else ""
        if routes["//sum/3/4/"]:
            slash = ": a route begins without a slash, Django puts it there"
        raise Wrong(f"Django finds no view for /sum/3/4/{slash}")


@check.item(
    "x and y reach the view as whole numbers",
    todo="b",
    file=URLS,
    needs=("the route sends /sum/3/4/ to a view",),
)
def arguments_are_numbers(look: Look) -> None:
    got = found(look, "routes")["/sum/3/4/"]
    if set(got) not in ({"x", "y"}, {"0", "1"}):
        raise Wrong(f"the route gives the view {sorted(got)}, and sum_it takes x and y")
    kinds = set(got.values())
    if kinds != {"int"}:
        raise Wrong(
            f"x and y reach the view as {', '.join(sorted(kinds))}: range() wants whole numbers. "
            "What turns a piece of a path into one?"
        )


@check.item("no worker is needed to answer: the message waits", todo="a", file=VIEWS, needs=LIVE)
def no_worker_is_needed(look: Look) -> None:
    web, before = look.web(), look.waiting()
    answer = web.get("/sum/3/4/")
    if answer.status_code != 200 or answer.json() != {"res": "good"}:
        raise Wrong(f"GET /sum/3/4/ answered {web.why(answer)}")
    look.wait_for_message(before)


@check.item(
    "a worker, another process, finishes it with 12",
    todo="a",
    file=VIEWS,
    needs=("no worker is needed to answer: the message waits",),
)
def worker_finishes(look: Look) -> None:
    waiting = look.waiting()
    worker = look.worker("testing.workers")
    worker.wait_for("(succeeded in|raised)", count=max(1, waiting), limit=10)
    results = {job.result for job in jobs(worker.text())}
    if results != {"12"}:
        raise Wrong(f"the worker's results for /sum/3/4/: {results}")
    if process_ids(worker) & process_ids(look.web().running):
        raise Wrong("the web server and the worker are one process")


@check.item(
    "the answer takes under a tenth of the work's time",
    todo="a",
    file=VIEWS,
    needs=("a worker, another process, finishes it with 12",),
)
def answer_is_quick(look: Look) -> str:
    web, worker = look.web(), look.worker("testing.workers")
    answer = web.median("/sum/1/1/", 9)
    web.get(f"/sum/{SIDE}/{SIDE}/")
    worker.wait_for(f": {SIDE * SIDE}$", limit=30)
    work = next(job for job in jobs(worker.text()) if job.result == str(SIDE * SIDE)).seconds
    if answer > work / 10:
        raise Wrong(
            f"the median answer took {answer:.2f} s, the work {work:.2f} s: "
            "does the view wait for it?"
        )
    return f"answered in {answer * 1000:.1f} ms, worked for {work:.2f} s"
