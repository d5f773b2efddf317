"""Stage 08: what was accepted is finished once, whoever is killed in between."""

import contextlib
import difflib
import math
import re
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import httpx

from workshop.broker.spare import SecondBroker, second_broker
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.wrong import Wrong
from workshop.machine.patience import NotYet, Stopwatch, by_clock, wait_until
from workshop.machine.process import Running
from workshop.project.browser import ANSWER
from workshop.project.probe import Trouble
from workshop.project.sandbox import on
from workshop.project.service import flaky_service
from workshop.project.web import Web

check = Check(__file__)
RELIABLE, QUEUES = "celery_testing/reliable.py", "celery_testing/queues.py"
RECEIPTS, TELLING = "receipts/models.py", "testing/telling.py"
# what this stage's queue may have, and what RabbitMQ wants for it
ARGUMENTS = {
    "x-queue-type": str,
    "x-delivery-limit": int,
    "x-dead-letter-exchange": str,
    "x-dead-letter-routing-key": str,
    "x-dead-letter-strategy": str,
    "x-overflow": str,
    "x-max-length": int,
    "x-max-length-bytes": int,
    "x-message-ttl": int,
    "x-expires": int,
    "x-quorum-initial-group-size": int,
    "x-single-active-consumer": bool,
    "x-max-in-memory-length": int,
    "x-max-priority": int,
    "x-queue-leader-locator": str,
}
MANY = 500  # jobs, with a broker and a worker killed among them
SENDERS = 4
POISONS = 4
FIGURES = 3  # seconds; a queue tells its figures twice a second


@check.item(todo="a", file=RELIABLE)
def each_message_is_confirmed(look: Look) -> None:
    look.needs_file(RELIABLE)
    found = look.once("reliable", lambda: look.ask("reliable"))
    if found["confirms"] is not True:
        options = ", ".join(f"{k}: {v}" for k, v in found["transport"].items()) or "nothing"
        raise Wrong(f"the transport's options are {options}; confirm_publish is to be True")
    if found["transport"].get("max_retries") != "0":
        raise Wrong(
            "max_retries is no longer 0 in the transport's options: a request would wait for a "
            "broker that is not there"
        )


@check.item(todo="b", file=RELIABLE)
def acknowledged_late(look: Look) -> None:
    look.needs_file(RELIABLE)
    found = look.once("reliable", lambda: look.ask("reliable"))
    speak = re.compile("(^|_)ACKS?_|REJECT|LOST")
    there = ", ".join(filter(speak.search, found["names"])) or "none"
    for name in ("late", "reject"):
        if isinstance(found[name], str):
            raise Wrong(f"one of the two settings is the text {found[name]!r}: True has no quotes")
    for name, words in (
        ("late", "a task is acknowledged when it begins: task_acks_late is not True"),
        (
            "reject",
            "a task whose process is lost counts as done: task_reject_on_worker_lost is not True",
        ),
    ):
        if found[name] is not True:
            raise Wrong(f"{words}. Settings that speak of it: {there}")


@check.item(todo="b", file=RECEIPTS)
def one_receipt(look: Look) -> None:
    look.needs_file(RECEIPTS)
    look.migrate()
    found = look.ask("receipts_of_a_task_that_runs_twice", seconds=by_clock(1))
    if found["one"] == 0 or found["other"] == 0:
        raise Wrong(
            f"after two runs of one task there are {found['one']} receipts, after a run of "
            f"another {found['other']}"
        )
    if found["one"] != 1:
        raise Wrong(
            f"one task ran twice, and there are {found['one']} receipts: the key differs from "
            "run to run"
        )
    if found["both"] != 1 or found["error"]:
        why = found["error"].splitlines()[0] if found["error"] else f"{found['both']} receipts"
        raise Wrong(
            f"one task ran in two processes at the same moment: {why}. Between a look and a write "
            "another process may write. The column key is unique, and get_or_create by the key "
            "tries again when it is refused"
        )


@check.item(todo="c", file=TELLING)
def tell_tries_again(look: Look) -> None:
    look.needs_file(TELLING)
    with flaky_service(failures=math.inf) as service:
        try:
            found = look.ask("retries_of_tell", url=service.url, runs=5)
        except Trouble as trouble:
            raise why_not_told(trouble.what) or trouble from None
    waits = found["waits"]
    tries = {len(one) for one in waits}
    if tries == {0} or tries == {1}:
        if wrong := why_not_told(found["why"]):
            raise wrong
        ended = f"it ended with {found['ended']}: {found['why'][:100]}"
        if found["ended"] == "NoneType":
            ended = (
                "it ended as if all were well. Does raise_for_status() make an error of the "
                "answer, and does the error leave the function?"
            )
        raise Wrong(f"the service answered 503, and tell was not tried again: {ended}")
    if not found["unreachable"]:
        raise Wrong(
            "tell is tried again after an answer 503, and not when nobody listens at the address: "
            "httpx.HTTPError is the one above both errors"
        )
    if max(tries) > 6:
        raise Wrong(f"tell was tried again {max(tries)} times and more: at most 5")
    last = max(0, min(tries) - 2)
    longest = [max(one[n] for one in waits) for n in (0, last)]
    if longest[0] >= longest[1]:  # jitter makes them differ; the longest of five runs grow
        raise Wrong(
            f"the waits are {waits[0]} seconds: they are to grow, so that a service that is down "
            "is left alone (retry_backoff)"
        )
    if len({one[last] for one in waits}) == 1:
        raise Wrong(
            f"every run waits {waits[0]} seconds: a hundred tasks would come back at the same "
            "moment (retry_jitter)"
        )


def why_not_told(said: str) -> Wrong | None:
    """What an error that is not the service's means: how the task is written."""
    for pattern, why in (
        (
            "not iterable|catching classes that do not inherit",
            "autoretry_for takes a tuple of exceptions, not their names: (httpx.HTTPError,)",
        ),
        (
            "could not convert string to float",
            "retry_backoff is True, or a number of seconds, without quotes",
        ),
        (
            r"tell\(\) missing 1 required",
            "a task gets itself, as self, if it is bound: @shared_task(bind=True, …)",
        ),
    ):
        if re.search(pattern, said):
            return Wrong(why)
    return None


# --- live: on a second broker, which is killed -------------------------------------------------


def start_second(look: Look) -> None:
    look.ahead("second", lambda: look.enter(second_broker()))


def second(look: Look) -> SecondBroker:
    return look.once("second", lambda: look.enter(second_broker()))


def worker_on(look: Look, broker: SecondBroker, name: str) -> Running:
    """A worker of the project on the second broker, with the task that kills."""
    options = {"concurrency": 2, "include": "workshop.project.tasks"}
    return look.start_worker(name=name, **options, **on(broker))


@check.item(
    todo="d",
    file=QUEUES,
    needs=(each_message_is_confirmed, acknowledged_late, one_receipt, tell_tries_again),
    ahead=start_second,
)
def poison_ends_in_dead(look: Look) -> str:
    look.needs_file(QUEUES)
    expect_known_arguments(look.ask("queue_arguments"))
    look.migrate()
    broker = second(look)
    begun = Path(look.folder) / "poison"
    worker = look.once("poisoned", lambda: worker_on(look, broker, "poisoned"))
    # several, since a pool notices a lost process at the next one's end, or after five seconds
    look.ask("send_poison", path=str(begun), address=on(broker)["BROKER_URL"], count=POISONS)
    times = lambda: begun.read_text().count("begun") if begun.exists() else 0  # noqa: E731

    def is_over() -> bool:
        dead = broker.queues(broker.vhost)["dead"]["ready"]
        return dead == POISONS or times() > 4 * POISONS

    def have_left() -> bool:
        left = broker.queues(broker.vhost).get("sums", {"total": 0})["total"]
        return times() >= 3 * POISONS and not left

    try:
        wait_until(lambda: is_over() or have_left(), limit=30, what="the end of the messages")
        wait_until(is_over, limit=FIGURES, what="the dead letter")
    except NotYet:
        queues = broker.queues(broker.vhost)
        kept = {n: q["total"] for n, q in queues.items() if q["total"]} or "no queue"
        raise Wrong(
            f"{POISONS} of them were begun {times()} times, and what is left is in {kept}. A "
            "message is thrown away at the limit, unless x-dead-letter-exchange names an exchange "
            'that is there ("" always is) and the routing key the queue dead'
        ) from None
    finally:
        worker.kill()
    # one may be begun once more: a message that was handed out as its process ended
    if not 3 * POISONS <= times() < 4 * POISONS:
        raise Wrong(
            f"{POISONS} of them were begun {times()} times: with x-delivery-limit 2 each is begun "
            "3 times, once and twice more when it came back"
        )
    return "each begun 3 times, then set aside"


def expect_known_arguments(queues: dict[str, dict]) -> None:
    """Raise Wrong for an argument of a queue that RabbitMQ would ignore, or refuse."""
    for name, arguments in queues.items():
        for argument, value in arguments.items():
            kind = ARGUMENTS.get(argument)
            if not kind:
                near = difflib.get_close_matches(argument, ARGUMENTS, 1, 0.7)
                meant = f": {near[0]} is meant" if near else ""
                raise Wrong(
                    f"the queue {name} has the argument {argument!r}, which RabbitMQ ignores{meant}"
                )
            if type(value) is not kind:
                words = {int: "a number, without quotes", str: "text"}.get(kind, "True or False")
                raise Wrong(f"the queue {name} has {argument}={value!r}, which is to be {words}")


@check.item(needs=(poison_ends_in_dead,), is_drill=True)
def refused_at_once(look: Look) -> str:
    broker = second(look)
    web = web_on(look, broker)
    ask(web)  # a first one makes the connection
    broker.raise_alarm()
    try:
        with Stopwatch(web.running.guard.pid) as watch:
            said = refusal(ask(web))
    except httpx.TimeoutException:
        said = f"there was no answer within {ANSWER} s"
    broker.clear_alarm()
    took = watch.seconds
    if said or took > 1:
        raise Wrong(f"the broker was short of memory: {said or f'the 503 took {took:.1f} s'}")
    wait_until(lambda: ask(web).status_code == 202, limit=10, what="202")
    return f"answered in {took:.2f} s"


def web_on(look: Look, broker: SecondBroker) -> Web:
    """A web server of the project on the second broker."""
    look.migrate()
    return look.once("web on second", lambda: look.serve(**on(broker)))


def ask(web: Web, key: str = "") -> httpx.Response:
    words = {"Idempotency-Key": key} if key else {}
    return web.client.post("/api/sums/", json={"x": 1, "y": 1}, headers=words)


def refusal(answer: httpx.Response) -> str:
    """What is wrong with an answer that should be a 503, or ""."""
    if answer.status_code != 503 or "Retry-After" not in answer.headers:
        return f"a POST was answered {answer.status_code}, and not 503 with Retry-After"
    return ""


@check.item(needs=(refused_at_once,), is_drill=True)
def none_is_lost(look: Look) -> None:
    broker = second(look)
    web = web_on(look, broker)
    workers = [worker_on(look, broker, "first")]
    accepted: dict[str, str] = {}
    refused: list[httpx.Response] = []
    up = threading.Event()
    up.set()

    given_up = threading.Event()

    def send(key: str) -> None:
        while up.wait() and not given_up.is_set():
            with contextlib.suppress(httpx.HTTPError):
                answer = ask(web, key)
                if answer.status_code == 202:
                    accepted[key] = answer.json()["id"]
                    return
                refused.append(answer)

    with ThreadPoolExecutor(SENDERS) as senders:
        sent = [senders.submit(send, f"{look.queue}-{n}") for n in range(MANY)]
        try:
            until(lambda: len(accepted) > MANY // 4, f"{MANY // 4} accepted")
            broker.settle()
            with Stopwatch(web.running.guard.pid) as down:
                broker.kill()
                until(lambda: len(refused) >= SENDERS, "a refusal")
                up.clear()
            broker.start()
            up.set()
            until(lambda: len(accepted) > MANY // 2, f"{MANY // 2} accepted")
            workers[0].kill()
            workers.append(worker_on(look, broker, "second"))
            until(lambda: all(one.done() for one in sent), f"an answer to {MANY} requests")
        finally:
            given_up.set()
            up.set()
    # many ask at once: the usual one counts, not the one that had to wait for the others
    took = down.share * median(answer.elapsed.total_seconds() for answer in refused)
    slow = [f"the 503 took {took:.1f} s"] if took > 1 else []
    if wrong := [*filter(None, map(refusal, refused)), *slow]:
        raise Wrong(f"while the broker was down: {wrong[0]}")
    wanted = set(accepted.values())
    with contextlib.suppress(NotYet):
        until(lambda: wanted <= set(receipts(look)), "all receipts")
    found = receipts(look)
    lost = len(wanted - set(found))
    twice = sum(1 for job in wanted if found[job] > 1)
    if lost or twice or len(wanted) != MANY:
        raise Wrong(f"{len(wanted)} were accepted; lost {lost}; {twice} have more than one receipt")


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a part of the drill; on an idle machine the whole of it takes ten seconds."""
    wait_until(condition, limit=60, what=what)


def receipts(look: Look) -> Counter:
    """How many receipts each job has."""
    with contextlib.closing(sqlite3.connect(look.database, timeout=by_clock(20))) as database:
        rows = database.execute("select job_id from receipts_receipt").fetchall()
    return Counter(str(uuid.UUID(job)) for (job,) in rows)
