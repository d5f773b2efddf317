"""Which exchange passes which messages on to which queue."""

from dataclasses import dataclass

from workshop.broker import login
from workshop.broker.node import Broker


@dataclass(frozen=True)
class Binding:
    """The queue gets the messages that the exchange receives with a key that matches this one."""

    exchange: str
    kind: str
    key: str
    queue: str

    def __str__(self) -> str:
        return f"{f'{self.exchange} ({self.kind})':20} {self.key:8} → {self.queue}"


def bindings(broker: Broker, queues: tuple[str, ...], vhost: str = login.VHOST) -> list[Binding]:
    """The bindings of these queues, sorted by exchange, queue and key.

    RabbitMQ binds each queue, by its name, to the exchange with the empty name ("default" here).
    """
    kinds = {one["name"]: one["type"] for one in broker.facts("exchanges", vhost)}
    found = [
        Binding(one["source"] or "default", kinds[one["source"]], one["routing_key"], queue)
        for queue in set(queues) & broker.queues(vhost).keys()
        for one in broker.facts("queues", vhost, queue, "bindings")
    ]
    return sorted(found, key=lambda one: (one.exchange, one.queue, one.key))
