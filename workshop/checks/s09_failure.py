"""Stage 09: what fails is tried again, and what fails forever is set aside."""

import math
import re

from workshop.broker import login
from workshop.checks import second
from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.checks.script import run_script
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
# what rabbitmqctl and the shell say about set_policy
OF_POLICY = (
    ("not recognised", "unknown_setting"),
    ("alidation failed", "refused_setting"),
    ("irtual host|no_such_vhost", "policy_in_no_vhost"),
    ("not enough|too many", "other_words"),
    ("JSON", "no_json"),
)
SETS = ("delivery-limit", "dead-letter-exchange", "dead-letter-routing-key")


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
    policies = policies_of_the_script(look)
    look.migrate()
    broker = second.broker(look)
    broker.set_policies(broker.vhost, policies)
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


def policies_of_the_script(look: Look) -> list[dict]:
    """The policies that policy.sh sets in the learner's vhost when it has none. Raises Wrong."""
    if look.is_untouched(POLICY):
        raise check.wrong("policy_untouched")
    before = look.broker.policies(login.VHOST)
    for policy in before:
        look.broker.remove("policies", login.VHOST, policy["name"])
    found: list[dict] = []
    try:
        said = run_script(look, POLICY)
        found = look.broker.policies(login.VHOST)
    finally:  # restore the policies that the script did not set
        names = {policy["name"] for policy in found}
        others = [policy for policy in before if policy["name"] not in names]
        look.broker.set_policies(login.VHOST, others)
    if not found:
        wrong = check.first_wrong(OF_POLICY, said.said, last=said.last)
        raise wrong or check.wrong("no_policy", last=said.last)
    expect_policy_of_sums(found)
    expect_no_other(others, max(policy["priority"] for policy in found))
    return found


def expect_no_other(policies: list[dict], priority: int) -> None:
    """Raise Wrong if a policy from an earlier script may take precedence over the one set now."""
    for policy in policies:
        if re.search(policy["pattern"], QUEUE) and policy["priority"] >= priority:
            raise check.wrong("older_policy", name=policy["name"], queue=QUEUE)


def expect_policy_of_sums(policies: list[dict]) -> None:
    """Raise Wrong unless one of them is for the queue, and sets all that it should."""
    fits = [one for one in policies if re.search(one["pattern"], QUEUE)]
    queues = [one for one in fits if one["apply-to"] in ("all", "queues", "quorum_queues")]
    if not fits:
        raise check.wrong("another_pattern", pattern=policies[0]["pattern"], queue=QUEUE)
    if not queues:
        raise check.wrong("not_for_queues", applies=fits[0]["apply-to"])
    ours = max(queues, key=lambda one: one["priority"])["definition"]
    if lacks := [name for name in SETS if name not in ours]:
        raise check.wrong("policy_without", names=", ".join(lacks))
    if ours["dead-letter-routing-key"] != DEAD:
        raise check.wrong("another_dead_queue", name=ours["dead-letter-routing-key"])
