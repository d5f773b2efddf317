"""Stage 04: a request hands the work over, and is answered before it is done."""

import re

from workshop.checks.address import expect_your_vhost
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.machine.kernel import family
from workshop.project import probe
from workshop.project.log import jobs, work_of

check = Check(__file__)
VIEWS, URLS = "testing/views.py", "testing/urls.py"
PATH = "/sum/3/4/"
TASK = "testing.workers.sum_number"
GOOD = {"res": "good"}
SIDE = 4000  # a sum of 4000 × 4000 takes about half a second


def found(look: Look, fact: str) -> dict:
    """Call the view in a separate process, and resolve some paths."""
    asked: dict[str, dict] = {
        "view": {"path": PATH, "x": 3, "y": 4, "port": look.broker.port, "vhost": look.vhost},
        "routes": {"paths": [PATH, "/sum/3/4", "//sum/3/4/"]},
        "known_routes": {},
    }
    return probe.value(look.once("found", lambda: look.ask_all(asked))[fact])


def of_answer(status: int, data) -> str:
    """The name of what is wrong with the view's answer."""
    if status == 405:
        return "method_not_allowed"
    if data == GOOD:
        return "another_status"
    if isinstance(data, list):
        return "a_list"
    return "another_answer" if status == 200 else "another_status_and_answer"


@check.item(todo="a", file=VIEWS)
def view_answers_good(look: Look) -> None:
    look.needs_file(VIEWS)
    answer = found(look, "view")
    if "names" in answer:
        there = ", ".join(answer["names"]) or check.says("nothing")
        raise check.wrong("no_route_no_view", there=there)
    status, data = answer["status"], answer["data"]
    if (status, data) != (200, GOOD):
        raise check.wrong(of_answer(status, data), status=status, data=data)


def expect_own_app(address: dict, look: Look) -> None:
    """Raise Wrong unless what goes to this address comes from the learner's own app."""
    try:
        expect_your_vhost(address, look.broker)
    except Wrong as wrong:
        raise check.wrong("of_another_app", why=wrong) from None


def why_not_sent(text: str, ran: bool) -> Wrong:
    """Why no message was published, judging by the view's file and whether the task ran in it."""
    if ran and re.search(r"\.apply\s*\(", text):
        return check.wrong("applied")
    if re.search(r"\.(delay|apply_async)\s*$|\.(delay|apply_async)\s*[^\s(]", text, re.M):
        return check.wrong("sending_not_called")
    if ran or re.search(r"(?<!def )\bsum_number\s*\(", text):
        return check.wrong("called_as_function")
    return check.wrong("not_sent")


def expect_arguments(sent: dict, given: dict) -> None:
    """Raise Wrong unless the message asks for the task with what the view was given."""
    # as text: another item checks that they are numbers. And as given: so are the names
    values = [*given.values(), None, None]
    x, y = (str(given.get(name, value)) for name, value in zip("xy", values, strict=False))
    if {name: str(value) for name, value in sent.items()} != {"task": TASK, "x": x, "y": y}:
        raise check.wrong("another_message", x=x, y=y, sent=sent)


@check.item(todo="a", file=VIEWS, needs=(view_answers_good,))
def view_sends(look: Look) -> None:
    look.needs_file(VIEWS)
    seen = found(look, "view")
    sent = seen["sent"]
    if seen["elsewhere"]:
        expect_own_app(seen["elsewhere"], look)
    if not sent:
        raise why_not_sent(look.read(VIEWS), seen["ran"])
    if len(sent) > 1:
        raise check.wrong("several_messages", count=len(sent))
    expect_arguments(sent[0], seen["given"])
    options = seen["options"][0]
    if options["eta"]:
        raise check.wrong("sent_for_later", eta=options["eta"])
    if options["queue"] != look.queue:
        raise check.wrong("another_queue", queue=options["queue"])


@check.item(todo="b", file=URLS)
def route_is_there(look: Look) -> None:
    look.needs_file(URLS)
    routes = found(look, "routes")
    if routes["/sum/3/4/"] is not None:
        return
    if routes["/sum/3/4"]:
        raise check.wrong("no_slash_at_the_end")
    if routes["//sum/3/4/"]:
        raise check.wrong("slash_at_the_beginning")
    if re.search(r"\bpath\(\s*r?[\"'][^\"']*[\^$\\(]", look.read(URLS)):
        raise check.wrong("regular_expression")
    known = ", ".join(route or check.says("empty_route") for route in found(look, "known_routes"))
    raise check.wrong("no_route", known=known or check.says("none"))


@check.item(todo="b", file=URLS, needs=(view_sends, route_is_there))
def arguments_are_numbers(look: Look) -> None:
    got, seen = found(look, "routes")[PATH], found(look, "view")
    if seen["trouble"] and "str" not in got.values():
        names = check.says("and").join(sorted(got)) or check.says("nothing")
        raise check.wrong("other_names", names=names, trouble=seen["trouble"])
    kinds = {type(seen["sent"][0][name]).__name__ for name in ("x", "y")}
    if seen["trouble"] or kinds != {"int"}:
        raise check.wrong("no_numbers", kinds=", ".join(sorted(kinds | set(got.values()))))
    if seen["sent"][0]["x"] != 3:
        raise check.wrong("x_for_y")


@check.item(todo="a", file=VIEWS, needs=(view_sends, route_is_there, arguments_are_numbers))
def no_worker_is_needed(look: Look) -> None:
    web, before = look.web(), look.waiting()
    answer = web.get("/sum/3/4/")
    if answer.status_code != 200 or answer.json() != GOOD:
        raise check.wrong("answered_otherwise", answer=web.why(answer))
    look.wait_for_message(before)


@check.item(todo="a", file=VIEWS, needs=(no_worker_is_needed,))
def worker_finishes(look: Look) -> None:
    waiting = look.waiting()
    worker = look.worker()
    worker.wait_for("(succeeded in|raised)", count=max(1, waiting), limit=10)
    results = {job.result for job in jobs(worker.text())}
    if results != {"12"}:
        raise check.wrong("other_results", results=results)
    if set(family(worker.pid)) & set(family(look.web().running.pid)):
        raise check.wrong("one_process")


@check.item(todo="a", file=VIEWS, needs=(worker_finishes,))
def answer_is_quick(look: Look) -> str:
    web, worker = look.web(), look.worker()
    answer = web.median("/sum/1/1/", 9)
    web.get(f"/sum/{SIDE}/{SIDE}/")
    worker.wait_for(f": {SIDE * SIDE}$", limit=30)
    work = work_of(worker.text(), str(SIDE * SIDE))
    if answer > work / 10:
        raise check.wrong("waited_for", answer=answer, work=work)
    return check.says("answered_at_once", answer=answer * 1000, work=work)
