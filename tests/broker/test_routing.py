"""The bindings of a queue, as the broker lists them; a policy that a stage needs."""

import uuid

from kombu import Connection, Exchange, Queue

from workshop.broker import login
from workshop.broker.routing import Binding, bindings
from workshop.desk import prepare, stages


def test_a_queue_is_bound_to_its_exchange_and_by_its_name_to_the_default_one(broker):
    prepare.replay(stages.find("03"), broker)
    name = f"bound-{uuid.uuid4().hex[:8]}"
    with Connection(login.url(broker)) as connection:
        queue = Queue(name, Exchange(name, "topic"), "a.*", channel=connection.default_channel)
        queue.declare()
        try:
            found = bindings(broker, (name, "no-such-queue"))
        finally:
            queue.delete()
            queue.exchange.delete()
    assert found == [Binding(name, "topic", "a.*", name), Binding("default", "direct", name, name)]


def test_a_later_stage_sets_the_policy_of_the_new_queue_although_there_is_one(broker):
    later = stages.Stage("99_later", "a stage after all others", minutes=0)
    prepare.replay(later, broker)
    for policy in broker.policies(login.VHOST):  # of other tests, too
        broker.remove("policies", login.VHOST, policy["name"])
    prepare.run_script(stages.find("09"), "policy.sh", broker)
    assert prepare.has_policy(broker, "sums")
    assert not prepare.has_policy(broker, "quick")
    assert prepare.replay(later, broker) == ["14_route/policy.sh"]
    assert prepare.has_policy(broker, "sums")
    assert prepare.has_policy(broker, "quick")
