"""The policies that a learner's script sets."""

import re
from typing import Any

from workshop.broker import login
from workshop.checks.content import common
from workshop.checks.look import Look
from workshop.checks.script import run_script

# what rabbitmqctl and the shell print about set_policy
OF_POLICY = (
    ("not recognised", "unknown_setting"),
    ("alidation failed", "refused_setting"),
    ("irtual host|no_such_vhost", "policy_in_no_vhost"),
    ("not enough|too many", "other_words"),
    ("JSON", "no_json"),
)
SETS = ("delivery-limit", "dead-letter-exchange", "dead-letter-routing-key")
DEAD = "dead"

Policy = dict[str, Any]


def of_script(look: Look, script: str, queues: tuple[str, ...]) -> list[Policy]:
    """The policies that the script sets in the learner's vhost when there are none yet.

    Raises Wrong unless each of the queues gets one that sends its dead letters to `dead`.
    """
    before = look.broker.policies(login.VHOST)
    for policy in before:
        look.broker.remove("policies", login.VHOST, policy["name"])
    found: list[Policy] = []
    try:
        said = run_script(look, script)
        found = look.broker.policies(login.VHOST)
    finally:  # restore the policies that the script did not set
        names = {policy["name"] for policy in found}
        others = [policy for policy in before if policy["name"] not in names]
        look.broker.set_policies(login.VHOST, others)
    if not found:
        wrong = common.first_wrong(OF_POLICY, said.said, last=said.last)
        raise wrong or common.wrong("no_policy", last=said.last)
    if len(found) < len(re.findall("set_policy", look.read(script))):
        raise common.wrong("policy_replaced", name=found[-1]["name"])
    for queue in queues:
        _expect_no_other(others, queue, _policy_of(queue, found))
    if loops := [one for one in found if re.search(one["pattern"], DEAD)]:
        raise common.wrong("policy_of_dead", pattern=loops[0]["pattern"])
    return found


def _policy_of(queue: str, policies: list[Policy]) -> Policy:
    """The policy in force for a queue. Raises Wrong unless it sets everything that it should."""
    fits = [one for one in policies if re.search(one["pattern"], queue)]
    of_queues = [one for one in fits if one["apply-to"] in ("all", "queues", "quorum_queues")]
    if not fits:
        pattern = ", ".join(one["pattern"] for one in policies)
        raise common.wrong("another_pattern", pattern=pattern, queue=queue)
    if not of_queues:
        raise common.wrong("not_for_queues", applies=fits[0]["apply-to"])
    ours = max(of_queues, key=lambda one: one["priority"])
    if lacks := [name for name in SETS if name not in ours["definition"]]:
        raise common.wrong("policy_without", names=", ".join(lacks))
    if ours["definition"]["dead-letter-routing-key"] != DEAD:
        name = ours["definition"]["dead-letter-routing-key"]
        raise common.wrong("another_dead_queue", name=name)
    return ours


def _expect_no_other(policies: list[Policy], queue: str, ours: Policy) -> None:
    """Raise Wrong if a policy from an earlier script may take precedence over ours."""
    for policy in policies:
        if (
            re.search(policy["pattern"], queue)
            and policy["priority"] >= ours["priority"]
            and policy["definition"] != ours["definition"]
        ):
            raise common.wrong("older_policy", name=policy["name"], queue=queue)
