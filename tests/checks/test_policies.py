"""The check of stage 09 runs policy.sh where no policy is, and leaves the learner's others."""

import pytest

from workshop import checks, verbs
from workshop.broker import login
from workshop.desk import prepare
from workshop.report import WRONG

MINE = {
    "name": "mine",
    "pattern": "^mine$",
    "definition": {"max-length": 3},
    "priority": 0,
    "apply-to": "queues",
}


@pytest.mark.parametrize("script", ["as it is", "exit 1\n"])
def test_a_policy_of_the_learners_own_is_kept(script, solved, broker, warm):
    stage = solved("09")
    prepare.replay(stage, broker)
    before = {policy["name"] for policy in broker.policies(login.VHOST)}
    broker.set_policies(login.VHOST, [MINE])
    if script != "as it is":
        (stage.desk / "policy.sh").write_text(script)
    right = tuple(item.id for item in checks.of(stage).items if item.id != "poison_ends_in_dead")
    checks.check(stage, warm=warm, only=("poison_ends_in_dead",), given=right)
    kept = {policy["name"]: policy for policy in broker.policies(login.VHOST)}
    assert kept["mine"]["definition"] == MINE["definition"]
    assert before <= set(kept)
    broker.remove("policies", login.VHOST, "mine")


def test_a_policy_of_an_earlier_try_is_named_with_the_way_to_remove_it(solved, broker, warm):
    stage = solved("09")
    prepare.replay(stage, broker)
    broker.set_policies(login.VHOST, [{**MINE, "name": "earlier", "pattern": "^su"}])
    found = verbs.check(stage, "b", warm=warm).report
    broker.remove("policies", login.VHOST, "earlier")
    assert found.items[-1].state == WRONG
    assert "clear_policy -p /vhost earlier" in found.items[-1].seen
