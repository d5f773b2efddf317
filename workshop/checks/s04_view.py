"""Stage 04: a request hands the work over, and is answered before it is done."""

import re

from workshop.checks.address import expect_your_vhost
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.project import probe
from workshop.project.log import jobs
from workshop.project.sandbox import process_ids

check = Check(__file__)
VIEWS, URLS = "testing/views.py", "testing/urls.py"
PATH = "/sum/3/4/"
TASK = "testing.workers.sum_number"
SIDE = 4000  # a sum of 4000 × 4000 takes about half a second


def found(look: Look, fact: str) -> dict:
    """The view called in a process of its own, and what the routes make of some paths."""
    asked = {
        "view": {"path": PATH, "x": 3, "y": 4, "port": look.broker.port, "vhost": look.vhost},
        "routes": {"paths": [PATH, "/sum/3/4", "//sum/3/4/"]},
        "known_routes": {},
    }
    return probe.value(look.once("found", lambda: look.ask_all(asked))[fact])


@check.item(todo="a", file=VIEWS)
def view_answers_good(look: Look) -> None:
    look.needs_file(VIEWS)
    answer = found(look, "view")
    if "names" in answer:
        there = ", ".join(answer["names"]) or "nothing"
        raise Wrong(f"no route leads to a view, and this file has no sum_it; it has: {there}")
    if answer["status"] != 200 or answer["data"] != {"res": "good"}:
        why = ""
        if answer["status"] == 405:
            why = ": look at the methods that @api_view allows"
        elif answer["data"] == {"res": "good"}:
            why = ": leave the status to Response, which answers 200"
        elif isinstance(answer["data"], list):
            why = ': it is to answer {"res": "good"}; a dict has a colon between key and value'
        elif answer["status"] == 200:
            why = ': it is to answer {"res": "good"}, letter for letter'
        raise Wrong(f"the view answers {answer['status']} {answer['data']}{why}")


@check.item(todo="a", file=VIEWS, needs=(view_answers_good,))
def view_sends(look: Look) -> None:
    look.needs_file(VIEWS)
    seen = found(look, "view")
    sent = seen["sent"]
    if seen["elsewhere"]:
        try:
            expect_your_vhost(seen["elsewhere"], look.broker)
        except Wrong as wrong:
            raise Wrong(
                f"the view sends a task of another app than the one in testing/workers.py: {wrong}",
                "To which app does the task belong that the view sends?",
                f"Look at the imports of {VIEWS}, and at every Celery(...) in the project.",
                "from .workers import sum_number",
            ) from None
    if not sent:
        text = look.read(VIEWS)
        if seen["ran"] and re.search(r"\.apply\s*\(", text):
            raise Wrong(
                "apply() runs the task at once, in the web server: no message was published. "
                "apply_async() and delay() publish one"
            )
        if re.search(r"\.(delay|apply_async)\s*$|\.(delay|apply_async)\s*[^\s(]", text, re.M):
            raise Wrong(
                "the view names the method that sends, and does not call it: no message was "
                "published. A method works when it is called, with ()"
            )
        if seen["ran"] or re.search(r"(?<!def )\bsum_number\s*\(", text):
            raise Wrong(
                "the view calls the task as a function, and does the work itself: no message was "
                "published"
            )
        raise Wrong("the view was called, and no message was published: where is the task sent?")
    if len(sent) > 1:
        raise Wrong(f"one request published {len(sent)} messages")
    # as text: whether they are numbers is a fact of its own. And as given: so are the names
    given = [*seen["given"].values(), None, None]
    x, y = (str(seen["given"].get(name, value)) for name, value in zip("xy", given, strict=False))
    if {name: str(value) for name, value in sent[0].items()} != {"task": TASK, "x": x, "y": y}:
        raise Wrong(
            f"for x={x}, y={y} the view sent {sent[0]}: the task wants x and y, in this order"
        )
    options = seen["options"][0]
    if options["eta"]:
        raise Wrong(
            f"the message asks the worker to wait until {options['eta']}: send it without "
            "countdown and eta"
        )
    if options["queue"] != look.queue:
        raise Wrong(
            f"the message goes to the queue {options['queue']}, and a worker takes from the queue "
            "celery unless it is told another: send it without queue and routing_key"
        )


@check.item(todo="b", file=URLS)
def route_is_there(look: Look) -> None:
    look.needs_file(URLS)
    routes = found(look, "routes")
    if routes["/sum/3/4/"] is not None:
        return
    text = look.read(URLS)
    if routes["/sum/3/4"]:
        raise Wrong(
            "Django finds no view for /sum/3/4/, but finds /sum/3/4: look at the slash at the "
            "route's end"
        )
    if routes["//sum/3/4/"]:
        raise Wrong(
            "Django finds no view for /sum/3/4/: a route begins without a slash, Django puts it "
            "there"
        )
    if re.search(r"\bpath\(\s*r?[\"'][^\"']*[\^$\\(]", text):
        raise Wrong(
            "Django finds no view for /sum/3/4/: path() takes no regular expression, re_path() "
            "does. A piece that varies stands in < >"
        )
    known = ", ".join(route or "(the empty one)" for route in found(look, "known_routes"))
    raise Wrong(f"Django finds no view for /sum/3/4/. The routes: {known or 'none'}")


@check.item(todo="b", file=URLS, needs=(view_sends, route_is_there))
def arguments_are_numbers(look: Look) -> None:
    got, seen = found(look, "routes")[PATH], found(look, "view")
    if seen["trouble"] and "str" not in got.values():
        raise Wrong(
            f"the route gives the view {' and '.join(sorted(got)) or 'nothing'}, and the view "
            f"takes other names: {seen['trouble']}",
            "Which names does the route use, and which ones does the view take?",
            "What comes after the colon in < > is the name of the view's argument.",
            "<int:x> and <int:y>, and the view's brackets: (request, x, y)",
        )
    kinds = {type(seen["sent"][0][name]).__name__ for name in ("x", "y")}
    if seen["trouble"] or kinds != {"int"}:
        given = ", ".join(sorted(kinds | set(got.values())))
        raise Wrong(f"the route gives the view {given}: range() wants whole numbers")
    if seen["sent"][0]["x"] != 3:
        raise Wrong(
            "in /sum/3/4/ the first number is x: the route makes it y",
            "Which of the two names comes first in the route, and which in the path?",
            "A route names the parts of the path from left to right.",
            "<int:x> before <int:y>",
        )


@check.item(todo="a", file=VIEWS, needs=(view_sends, route_is_there, arguments_are_numbers))
def no_worker_is_needed(look: Look) -> None:
    web, before = look.web(), look.waiting()
    answer = web.get("/sum/3/4/")
    if answer.status_code != 200 or answer.json() != {"res": "good"}:
        raise Wrong(f"GET /sum/3/4/ answered {web.why(answer)}")
    look.wait_for_message(before)


@check.item(todo="a", file=VIEWS, needs=(no_worker_is_needed,))
def worker_finishes(look: Look) -> None:
    waiting = look.waiting()
    worker = look.worker("testing.workers")
    worker.wait_for("(succeeded in|raised)", count=max(1, waiting), limit=10)
    results = {job.result for job in jobs(worker.text())}
    if results != {"12"}:
        raise Wrong(f"the worker's results for /sum/3/4/: {results}")
    if process_ids(worker) & process_ids(look.web().running):
        raise Wrong("the web server and the worker are one process")


@check.item(todo="a", file=VIEWS, needs=(worker_finishes,))
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
