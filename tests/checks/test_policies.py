"""The check of stage 09 runs policy.sh where no policy is, and leaves the learner's others."""

import pytest

from workshop import checks
from workshop.broker import login
from workshop.desk import prepare

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
