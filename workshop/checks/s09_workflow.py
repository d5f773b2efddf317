"""Stage 09: the sum in parts: a chord in the task's place, progress, failure, an end."""

import re
from collections import Counter

from workshop.checks.api import changes, ended, now, over, post, watch
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.process import Running
from workshop.project import probe
from workshop.project.log import Job, jobs

check = Check(__file__)
WORKFLOW = "testing/workflow.py"
PARTS = 8
SUM, ADD, SAY = (f"testing.workflow.{name}" for name in ("sum_rows", "add_up", "say_failed"))
# what Python says of a chord that does not come about, and what that means
OF_CHORD = {
    r"'AsyncResult' object has no attribute '(\w+)'": "what is there is a result, of something "
    "that was sent already: delay(), apply_async() and chord(…)(…) send at once. replace() and "
    "chord() take signatures, such as chord(parts, add_up.s()), and send them themselves",
    r"'(add_up|sum_rows|say_failed)' object has no attribute '\w+'": "{0} is the task itself: "
    "{0}.s() makes a signature of it",
    r"chord\S*\(\) takes": "a chord takes the parts as one list, and then its body",
    r"replace\(\) takes": "replace takes one signature, that of the whole chord",
    r"say_failed\(\) missing \d": "it is sent, or called, without the request, the error and the "
    "traceback, which it gets where a part fails: add_up.s().on_error(say_failed.s())",
    r"sum_in_parts\(\) missing 1": "a task gets itself, as self, if it is bound: bind=True",
    r"exceptions must derive from BaseException": "only an error can be raised: self.replace() "
    "makes one that puts the chord in this task's place",
}
ROWS = [10_000, 1001, 100, 9, 8, 7, 2, 1]


@check.item(todo="a", file=WORKFLOW)
def every_row_once(look: Look) -> str:
    look.needs_file(WORKFLOW)
    for x, ranges in fact(look, "cuts").items():
        expect_a_cut(int(x), ranges)
    return f"of {ROWS[-1]} to {ROWS[0]} rows"


def fact(look: Look, name: str):
    """What the learner's functions answer, all asked in one process."""
    asked = {
        "migrate": {},
        "cuts": {"rows": ROWS},
        "chord_of": {"x": 24, "y": 3},
        "send_a_bad_part": {"x": 80, "y": 3},  # it waits in the queue until a worker comes
    }
    return probe.value(look.once("facts", lambda: look.ask_all(asked))[name])


def expect_a_cut(x: int, ranges: list[list[int]] | str) -> None:
    """Raise Wrong unless the ranges have each of x rows once, in about equal lengths."""
    if isinstance(ranges, str):
        raise Wrong(f"cut({x}) returned {ranges}: it is to be a list of pairs (first, last)")
    shown = f"cut({x}) returned {short(ranges)}"
    outside = [edge for edge in ranges if edge[0] < 0 or edge[1] > x]
    if outside:
        raise Wrong(f"{shown}: {short(outside[:1])} goes beyond the rows, which are 0 to {x - 1}")
    counted = Counter(row for first, last in ranges for row in range(first, last))
    missing = set(range(x)) - set(counted)
    if missing:
        raise Wrong(f"{shown}: no part has row {min(missing)}. The row `last` is not counted")
    if counted.total() > x:
        twice = min(row for row, times in counted.items() if times > 1)
        raise Wrong(f"{shown}: row {twice} is in more than one part")
    if len(ranges) > PARTS:
        raise Wrong(f"{shown}: {len(ranges)} parts, and there are to be at most {PARTS}")
    if x >= PARTS and len(ranges) < PARTS / 2:
        raise Wrong(f"{shown}: that makes {len(ranges)} of {PARTS} parts")
    if any(last <= first for first, last in ranges):
        raise Wrong(f"{shown}: a part without a row is a message for nothing")
    longest = max(last - first for first, last in ranges)
    if longest > 2 * max(1, x / PARTS):
        raise Wrong(f"{shown}: one part has {longest} rows of {x}, and the others wait for it")


def short(ranges: list[list[int]]) -> str:
    words = [f"({first}, {last})" for first, last in ranges]
    return ", ".join(words if len(words) < 5 else [*words[:2], "…", words[-1]]) or "no range"


@check.item(todo="b", file=WORKFLOW, needs=(every_row_once,))
def chord_in_its_place(look: Look) -> str:
    look.needs_file(WORKFLOW)
    try:
        found = fact(look, "chord_of")
    except probe.Trouble as trouble:  # raised as the task ran: the file itself can be read
        for said, why in OF_CHORD.items():
            if match := re.search(said, trouble.what):
                raise Wrong(f"{trouble.where}: {match[0]}: {why.format(*match.groups())}") from None
        raise Wrong(str(trouble)) from None
    if not found["chords"]:
        if found["sent"] == [SUM]:
            raise Wrong(
                "only the first part is published: in a chain each waits for the one before it, "
                "and gets its result. A chord starts all of them at once"
            )
        if SUM in found["sent"]:
            raise Wrong(
                f"{found['sent'].count(SUM)} parts are published and nothing waits for them: a "
                "group has no body, a chord has"
            )
        if found["sent"]:
            raise Wrong(f"no chord was started, but {found['sent'][0]} was published")
        raise Wrong(f"no chord was started: the task {found['ended']}")
    chord = found["chords"][0]
    if len(found["chords"]) > 1:
        raise Wrong(f"{len(found['chords'])} chords were started for one job")
    if chord["body"] != ADD:
        raise Wrong(f"after the parts comes {chord['body']}, which is to be add_up")
    tasks = [call["task"] for call in chord["on_error"] if call["immutable"] is None]
    if tasks:
        raise Wrong(f"on_error takes a signature, say_failed.s(), and got {tasks[0]}")
    if chord["immutable"]:
        raise Wrong(
            "add_up is an immutable signature, si(): it would not get the counts. s() makes one "
            "that takes them"
        )
    if chord["given"]:
        raise Wrong(
            f"add_up has the argument {chord['given'][0][:60]} already: the counts of all parts "
            "come by themselves, as its only one"
        )
    other = {part["task"] for part in chord["parts"]} - {SUM}
    if any(not isinstance(task, str) for task in other):
        raise Wrong(
            "the header has numbers: sum_rows(…) counts here and now, and sum_rows.s(…) is a "
            "signature, to be counted elsewhere"
        )
    if other:
        raise Wrong(f"the header has {', '.join(sorted(other))}: its parts are to be sum_rows")
    refused = next((part for part in chord["parts"] if part["refused"]), None)
    if refused:
        raise Wrong(
            f"a part has the arguments {refused['args']}, and sum_rows takes job_id, first, last "
            f"and y: {refused['refused']}"
        )
    rows = [row for part in chord["parts"] for row in range(*part["args"][1:3])]
    if sorted(rows) != list(range(24)):
        raise Wrong(f"of 24 rows the parts of the chord count {len(rows)}: all of `parts` belong")
    if chord["body_id"] != found["id"]:
        raise Wrong(
            "add_up has an id of its own, and the page looks under the job's: the chord is "
            "started beside the task. self.replace hands the task's id on"
        )
    if found["ended"] != "replaced":
        raise Wrong(
            f"the task goes on after it is replaced, and {found['ended']}: that would be the "
            "job's result. replace() is raised"
        )
    return f"{len(chord['parts'])} parts"


def two_processes(look: Look) -> Running:
    """The look's worker, with two processes however many cores this machine has."""
    return look.worker(concurrency=2)


def counted(worker: Running) -> list[Job]:
    """The parts that were counted to their ends so far, by the worker's log."""
    return [job for job in jobs(worker.text()) if job.task == SUM and job.ended]


@check.item(todo="b", file=WORKFLOW, needs=(chord_in_its_place,))
def parts_make_up_the_whole(look: Look) -> None:
    two_processes(look)
    for job in (over(look, post(look, 3, 4)), watched(look)["job"]):
        x, y = job["x"], job["y"]
        if job["error"]:
            raise Wrong(f"{x} × {y} failed in the worker: {job['error']}")
        if (job["state"], job["result"]) != ("SUCCESS", x * y):
            raise Wrong(f"{x} × {y} is {job['state']} with the result {job['result']}")


def watched(look: Look) -> dict:
    """A larger sum: the job at its end, the per cents seen until then, the parts counted."""

    def make() -> dict:
        worker = two_processes(look)
        before = len(counted(worker))
        job = post(look, 5001, 4999)
        seen = changes(watch(look, job), "percent")
        return {"job": now(look, job), "seen": seen, "parts": counted(worker)[before:]}

    return look.once("watched", make)


@check.item(todo="b", file=WORKFLOW, needs=(parts_make_up_the_whole,))
def at_the_same_time(look: Look) -> None:
    seen, parts = watched(look)["seen"], watched(look)["parts"]
    if len({part.process for part in parts}) < 2 or not any(
        one.process != other.process and one.begun < other.ended and other.begun < one.ended
        for one in parts
        for other in parts
    ):
        raise Wrong(f"{len(parts)} parts were counted, one after the other")
    between = sorted({percent for percent in seen if 0 < percent < 100})
    if not between:
        raise Wrong(f"while the parts were counted the job said {seen} per cent")
    if seen != sorted(seen):
        raise Wrong(f"the progress went back: {seen}")


def broken(look: Look) -> dict:
    """The job with a part that fails, once it is over; and how its parts ended."""

    def make() -> dict:
        worker, sent = two_processes(look), fact(look, "send_a_bad_part")
        found = ended(look, {"id": sent["id"], "url": "it", "x": 80, "y": 3})[-1]
        done = [job.id for job in counted(worker) if job.id in sent["parts"]]
        return {**found, "parts": len(sent["parts"]), "counted": len(done)}

    return look.once("broken", make)


@check.item(todo="b", file=WORKFLOW, needs=(parts_make_up_the_whole,))
def failing_part(look: Look) -> str:
    found = broken(look)
    if found["state"] != "FAILURE":
        raise Wrong(
            f"a part failed, and the job is {found['state']} with the result {found['result']}"
        )
    others = found["parts"] - 1
    if found["counted"] != others:
        raise Wrong(f"of the {others} other parts {found['counted']} were counted")
    return f"the {others} others finished; {found['error'].split(':')[0]}"


@check.item(todo="c", file=WORKFLOW, needs=(failing_part,))
def says_failed(look: Look) -> None:
    if any(call["immutable"] for call in fact(look, "chord_of")["chords"][0]["on_error"]):
        raise Wrong(
            "what is called on an error is an immutable signature, si(): it would not get the "
            "request, the error and the traceback. s() makes one that takes them"
        )
    job = broken(look)
    worker = two_processes(look)
    said = rf"the sum {job['id']} is not complete"
    try:
        wait_until(lambda: re.search(said, worker.text()), limit=3, what="the line")
    except NotYet:
        calls = [call["task"] for call in fact(look, "chord_of")["chords"][0]["on_error"]]
        if SAY in calls:
            raise Wrong(
                "say_failed is called, and the worker's log has no line of it: it gets the "
                "request, the error and the traceback"
            ) from None
        other = f"what is called on an error is {', '.join(calls)}" if calls else "nobody is called"
        raise Wrong(f"a part failed, and {other}: the chord's body, add_up, has on_error") from None
    lines = len(re.findall(said, worker.text()))
    if lines > 1:
        raise Wrong(f"one part failed, and say_failed was called {lines} times")


@check.item(todo="b", file=WORKFLOW, needs=(parts_make_up_the_whole,))
def cancelled_stops(look: Look) -> None:
    worker = two_processes(look)
    before = len(counted(worker))
    job = post(look, 10_000, 10_000)
    wait_until(lambda: now(look, job)["state"] != "PENDING", limit=10, what="its start")
    answer = look.web().ask("DELETE", f"/api/sums/{job['id']}/")
    if answer.status_code != 202:
        raise Wrong(f"DELETE answered {look.web().why(answer)}")
    over(look, post(look, 1, 1))  # behind all its parts in the queue
    done = len(counted(worker)) - before - 1
    if done > PARTS / 2:
        raise Wrong(f"it was cancelled, and {done} of its parts were counted to their ends")
    state = over(look, job)["state"]
    if state != "REVOKED":
        raise Wrong(f"it was cancelled, and its state is {state}")
