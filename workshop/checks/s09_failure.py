"""Stage 09: what fails is tried again, and what fails forever is set aside."""

import math

from workshop.broker import login
from workshop.checks import policies, second
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine.patience import NotYet, wait_until
from workshop.project.probe import Trouble
from workshop.project.service import flaky_service

check = Check(__file__)
TELLING, POLICY = "receipts/tasks.py", "policy.sh"
POISONS = 4
QUEUE, DEAD = "sums", "dead"
FIGURES = 3  # seconds; a queue reports its figures twice a second


# what Python says about a task that does not retry, and what to say about it
OF_TELLING = (
    ("not iterable|catching classes that do not inherit", "one_exception_is_no_tuple"),
    ("could not convert string to float", "backoff_is_text"),
    (r"tell\(\) missing 1 required", "not_bound"),
)


@check.item(todo="a", file=TELLING)
def tell_tries_again(look: Look) -> None:
    look.needs_file(TELLING)
    with flaky_service(failures=math.inf) as service:
        try:
            found = look.ask("retries_of_tell", url=service.url, runs=20)
        except Trouble as trouble:
            raise check.first_wrong(OF_TELLING, trouble.what) or trouble from None
    expect_tried_again(found)
    expect_waits(found["waits"])


def expect_tried_again(found: dict) -> None:
    """Raise Wrong unless both errors of a service lead to a retry, five times at most."""
    tries = {len(one) for one in found["waits"]}
    if tries in ({0}, {1}):
        if wrong := check.first_wrong(OF_TELLING, found["why"]):
            raise wrong
        if found["ended"] == "NoneType":
            raise check.wrong("ended_as_if_well")
        raise check.wrong(
            "not_tried_again", error=found["ended"], why=found["why"].split("\n")[0][:100]
        )
    if not found["unreachable"]:
        raise check.wrong("not_when_nobody_listens")
    if max(tries) > 6:
        raise check.wrong("too_many_tries", tries=max(tries) - 1)


def expect_waits(waits: list[list[float]]) -> None:
    """Raise Wrong unless the waits grow, and differ from run to run."""
    last = max(0, min(map(len, waits)) - 2)
    first_longest, last_longest = (max(one[n] for one in waits) for n in (0, last))
    if first_longest >= last_longest:  # jitter makes them differ; the longest of many runs grow
        raise check.wrong("waits_do_not_grow", waits=waits[0])
    if len({one[last] for one in waits}) == 1:
        raise check.wrong("waits_in_step", waits=waits[0])


# --- live: on a second broker ---------------------------------------------------------------


@check.item(todo="b", file=POLICY, needs=(tell_tries_again,), ahead=second.start)
def poison_ends_in_dead(look: Look) -> str:
    if look.is_untouched(POLICY):
        raise check.wrong("policy_untouched")
    found = policies.of_script(look, POLICY, (QUEUE,))
    look.migrate()
    broker = second.broker(look)
    broker.set_policies(broker.vhost, found)
    begun = look.folder / "poison"
    worker = look.once("poisoned", lambda: second.worker(look, "poisoned"))
    # several, since a pool notices a lost process only when another ends, or after five seconds
    look.ask("send_poison", path=str(begun), address=login.url(broker, broker.vhost), count=POISONS)
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
        kept = {name: queue["total"] for name, queue in queues.items() if queue["total"]}
        where = kept or check.says("no_queue")
        raise check.wrong("thrown_away", count=POISONS, times=times(), kept=where) from None
    finally:
        worker.kill()
    # one may start one more time: a message that was handed out as its process ended
    if not 3 * POISONS <= times() < 4 * POISONS:
        raise check.wrong("begun_too_often", count=POISONS, times=times())
    return check.says("set_aside")
