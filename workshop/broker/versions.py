"""What differs for this course between RabbitMQ 3.10 to 3.13 and RabbitMQ 4.

This is the only place that knows. Lessons and tests ask it; tests/broker/test_versions.py checks
each answer against the machine's broker, whatever its version. Words that differ are masked in
tests/nbval_sanitize.cfg instead: RabbitMQ 4 names the right in a refusal ("configure access to
queue 'hats'", where 3.10 writes "access to queue 'hats'").
"""

from packaging.version import Version

from workshop.broker.node import Broker

FOUR = Version("4.0")


def version_of(broker: Broker) -> str:
    return broker.facts("overview")["rabbitmq_version"]


def is_four(broker: Broker) -> bool:
    return Version(version_of(broker)) >= FOUR


def memory_share(broker: Broker) -> float:
    """The share of the machine's memory above which a broker blocks senders, by default."""
    return 0.6 if is_four(broker) else 0.4


def tasks_taken(later: int, prefetch: int, broker: Broker) -> int:
    """How many of `later` tasks with a countdown a worker takes from a classic queue.

    A worker raises its prefetch by one for each task that it holds. RabbitMQ 3 applies that to
    the whole channel ("global QoS"), so it takes them all. RabbitMQ 4 has no global QoS, and
    kombu (5.7) does not ask for it: the new prefetch would be that of a new consumer, and the
    running one keeps the old. So the worker takes no more than its first prefetch, and waits
    until one of those is due.
    """
    return min(later, prefetch) if is_four(broker) else later


def largest_message(broker: Broker) -> int:
    """The largest message in bytes that the broker accepts, if nobody set another limit."""
    return 16 * 2**20 if is_four(broker) else 128 * 2**20


def seconds_until_refused(broker: Broker) -> int:
    """How long the broker tries before it refuses to declare a classic queue whose node is down.

    RabbitMQ 3.10 refuses at once. RabbitMQ 4.0 tries 2000 times, with 30 ms in between.
    """
    return 60 if is_four(broker) else 0
