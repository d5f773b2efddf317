"""Stage 10: the sum in parts: a chord in the task's place, progress, failure, an end."""

import re
from collections import Counter
from itertools import combinations

from workshop.checks import api
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.process import Running
from workshop.project import probe
from workshop.project.log import Job, jobs

check = Check(__file__)
COUNTING, TASKS = "sums/counting.py", "sums/tasks.py"
PARTS = 8
SUM, ADD, SAY = (f"sums.tasks.{name}" for name in ("sum_rows", "add_up", "say_failed"))
# what Python says about a chord that is not formed
OF_CHORD = (
    (r"AsyncResult requires valid id", "part_called"),
    (r"'AsyncResult' object has no attribute '\w+'", "sent_already"),
    (r"'(?P<task>add_up|sum_rows|say_failed)' object has no attribute '\w+'", "task_for_signature"),
    (r"chord\S*\(\) takes", "no_list_of_parts"),
    (r"replace\(\) takes", "several_signatures"),
    (r"say_failed\(\) missing \d", "say_failed_called"),
    (r"sum_in_parts\(\) missing 1", "not_bound"),
    (r"exceptions must derive from BaseException", "no_error_raised"),
)
ROWS = [10_000, 1001, 100, 9, 8, 7, 2, 1]


@check.item(todo="a", file=COUNTING)
def every_row_once(look: Look) -> str:
    look.needs_file(COUNTING)
    for x, ranges in fact(look, "cuts").items():
        if isinstance(ranges, str):
            raise check.wrong("no_pairs", x=x, ranges=ranges)
        shown = check.says("cut_returned", x=x, ranges=short(ranges))
        expect_each_row_once(int(x), ranges, shown)
        expect_even_parts(int(x), ranges, shown)
    return check.says("row_counts", least=ROWS[-1], most=ROWS[0])


def fact(look: Look, name: str):
    """What the learner's functions answer, all asked in one process."""
    asked: dict[str, dict] = {
        "migrate": {},
        "cuts": {"rows": ROWS},
        "chord_of": {"x": 24, "y": 3},
        "send_a_bad_part": {"x": 80, "y": 3},  # it waits in the queue until a worker comes
    }
    return probe.value(look.once("facts", lambda: look.ask_all(asked))[name])


def expect_each_row_once(x: int, ranges: list[list[int]], shown: str) -> None:
    if outside := [edge for edge in ranges if edge[0] < 0 or edge[1] > x]:
        raise check.wrong("beyond_the_rows", shown=shown, range=short(outside[:1]), last=x - 1)
    counted = Counter(row for first, last in ranges for row in range(first, last))
    if missing := set(range(x)) - set(counted):
        raise check.wrong("row_left_out", shown=shown, row=min(missing))
    if twice := [row for row, times in counted.items() if times > 1]:
        raise check.wrong("row_twice", shown=shown, row=min(twice))


def expect_even_parts(x: int, ranges: list[list[int]], shown: str) -> None:
    if len(ranges) > PARTS:
        raise check.wrong("too_many_parts", shown=shown, count=len(ranges), most=PARTS)
    if x >= PARTS and len(ranges) < PARTS / 2:
        raise check.wrong("too_few_parts", shown=shown, count=len(ranges), most=PARTS)
    if any(last <= first for first, last in ranges):
        raise check.wrong("empty_part", shown=shown)
    longest = max(last - first for first, last in ranges)
    if longest > 2 * max(1, x / PARTS):
        raise check.wrong("one_long_part", shown=shown, longest=longest, rows=x)


def short(ranges: list[list[int]]) -> str:
    words = [f"({first}, {last})" for first, last in ranges]
    shown = words if len(words) < 5 else [*words[:2], "…", words[-1]]
    return f"[{', '.join(shown)}]" if shown else check.says("no_range")


@check.item(todo="b", file=TASKS, needs=(every_row_once,))
def chord_in_its_place(look: Look) -> str:
    look.needs_file(TASKS)
    found = started(look)
    if not found["chords"]:
        expect_no_other_message(found["sent"])
        raise check.wrong("no_chord", ended=found["ended"])
    if len(found["chords"]) > 1:
        raise check.wrong("several_chords", count=len(found["chords"]))
    chord = found["chords"][0]
    expect_add_up(chord)
    expect_sum_rows(chord["parts"])
    if chord["body_id"] != found["id"]:
        raise check.wrong("beside_the_task")
    if found["ended"] != "replaced":
        raise check.wrong("goes_on", ended=found["ended"])
    return check.says("part_count", count=len(chord["parts"]))


def started(look: Look) -> dict:
    """What the task published, and how it ended. Raises Wrong."""
    try:
        return fact(look, "chord_of")
    except probe.Trouble as trouble:  # raised as the task ran: the file itself can be read
        place = trouble.where or TASKS
        wrong = check.first_wrong(OF_CHORD, trouble.what, place=place, error=trouble.what)
        raise wrong or check.wrong("raised", trouble=trouble) from None


def expect_no_other_message(sent: list[str]) -> None:
    if sent == [SUM]:
        raise check.wrong("chain_for_chord")
    if SUM in sent:
        raise check.wrong("group_for_chord", count=sent.count(SUM))
    if sent:
        raise check.wrong("another_message", task=sent[0])


def expect_add_up(chord: dict) -> None:
    """Raise Wrong unless the chord's body takes the counts, and on_error a signature."""
    if chord["body"] != ADD:
        raise check.wrong("another_body", body=chord["body"])
    if tasks := [call["task"] for call in chord["on_error"] if call["immutable"] is None]:
        if "bound method" in tasks[0]:
            raise check.wrong("on_error_without_parentheses")
        raise check.wrong("on_error_without_signature", task=tasks[0])
    if chord["immutable"]:
        raise check.wrong("immutable_body")
    if chord["given"]:
        raise check.wrong("counts_given", argument=chord["given"][0][:60])


def expect_sum_rows(parts: list[dict]) -> None:
    """Raise Wrong unless the chord's parts count each of the 24 rows with sum_rows."""
    other = {part["task"] for part in parts} - {SUM}
    if any(not isinstance(task, str) for task in other):
        raise check.wrong("numbers_in_the_header")
    if other:
        raise check.wrong("other_parts", tasks=", ".join(sorted(other)))
    if refused := next((part for part in parts if part["refused"]), None):
        raise check.wrong("part_refused", args=refused["args"], error=refused["refused"])
    rows = [row for part in parts for row in range(*part["args"][1:3])]
    if sorted(rows) != list(range(24)):
        raise check.wrong("parts_left_out", count=len(rows))


def two_processes(look: Look) -> Running:
    """The look's worker, with two processes however many cores this machine has."""
    return look.worker(concurrency=2)


def counted(worker: Running) -> list[Job]:
    """The parts that were counted to their ends so far, by the worker's log."""
    return [job for job in jobs(worker.text()) if job.task == SUM and job.ended]


@check.item(todo="b", file=TASKS, needs=(chord_in_its_place,))
def parts_make_up_the_whole(look: Look) -> None:
    two_processes(look)
    for job in (api.finished_job(look, api.post(look, 3, 4)), watched(look)["job"]):
        x, y = job["x"], job["y"]
        if (job["state"], job["result"]) != ("SUCCESS", x * y):
            raise check.wrong("another_sum", x=x, y=y, state=job["state"], result=job["result"])


def watched(look: Look) -> dict:
    """A larger sum: the job at its end, the percentages seen until then, the parts counted."""

    def make() -> dict:
        worker = two_processes(look)
        before = len(counted(worker))
        seen = api.watch(look, api.post(look, 5001, 4999))
        percents = api.changes(seen, "percent")
        return {"job": seen[-1], "percents": percents, "parts": counted(worker)[before:]}

    return look.once("watched", make)


@check.item(todo="b", file=TASKS, needs=(parts_make_up_the_whole,))
def at_the_same_time(look: Look) -> None:
    percents, parts = watched(look)["percents"], watched(look)["parts"]
    if not any(
        one.process != other.process and one.begun < other.ended and other.begun < one.ended
        for one, other in combinations(parts, 2)
    ):
        raise check.wrong("one_after_the_other", count=len(parts))
    if not any(0 < percent < 100 for percent in percents):
        raise check.wrong("nothing_between", percents=percents)
    api.expect_no_step_back(percents)


def broken(look: Look) -> dict:
    """The job with a part that fails, once it is over; and how its parts ended."""

    def make() -> dict:
        worker, sent = two_processes(look), fact(look, "send_a_bad_part")
        found = api.ended(look, {"id": sent["id"], "url": "it", "x": 80, "y": 3})[-1]
        done = [job.id for job in counted(worker) if job.id in sent["parts"]]
        error = api.error_of(look, {"id": sent["parts"][0]})
        return {**found, "error": error, "parts": len(sent["parts"]), "counted": len(done)}

    return look.once("broken", make)


@check.item(todo="b", file=TASKS, needs=(parts_make_up_the_whole,))
def failing_part(look: Look) -> str:
    found = broken(look)
    if found["state"] != "FAILURE":
        raise check.wrong("no_failure", state=found["state"], result=found["result"])
    others = found["parts"] - 1
    if found["counted"] != others:
        raise check.wrong("others_not_counted", others=others, counted=found["counted"])
    error = found["error"].splitlines()[-1].split(":")[0]
    return check.says("others_finished", others=others, error=error)


@check.item(todo="c", file=TASKS, needs=(failing_part,))
def says_failed(look: Look) -> None:
    calls = fact(look, "chord_of")["chords"][0]["on_error"]
    if any(call["immutable"] for call in calls):
        raise check.wrong("immutable_on_error")
    if given := [one for call in calls for one in call["given"]]:
        raise check.wrong("on_error_given", argument=given[0][:60])
    job, worker = broken(look), two_processes(look)
    line = rf"the sum {job['id']} is not complete"
    try:
        wait_until(lambda: re.search(line, worker.text()), limit=3, what="the line")
    except NotYet:
        tasks = [call["task"] for call in calls]
        if SAY in tasks:
            raise check.wrong("no_line_of_it") from None
        said = "another_called" if tasks else "nobody_called"
        raise check.wrong(said, tasks=", ".join(tasks)) from None
    times = len(re.findall(line, worker.text()))
    if times > 1:
        raise check.wrong("called_several_times", times=times)


@check.item(todo="b", file=TASKS, needs=(parts_make_up_the_whole,))
def cancelled_stops(look: Look) -> None:
    worker = two_processes(look)
    before = len(counted(worker))
    job = api.post(look, 10_000, 10_000)
    api.cancel(look, job)
    api.finished_job(look, api.post(look, 1, 1))  # behind all its parts in the queue
    done = len(counted(worker)) - before - 1
    if done > PARTS / 2:
        raise check.wrong("counted_to_their_ends", count=done)
    api.expect_revoked(api.finished_job(look, job))
