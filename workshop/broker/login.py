"""The learner's user and vhost: the address, and whether it works."""

from urllib.parse import quote

import amqp
from kombu import Connection

from workshop.broker.node import Broker
from workshop.machine.patience import by_clock

USER, PASSWORD, VHOST = "learner", "sesame", "/vhost"


def url(broker: Broker, vhost: str = VHOST) -> str:
    """The learner's address on this checkout's broker, as the guide writes it."""
    return url_at(broker.port, vhost)


def url_at(port: int, vhost: str = VHOST) -> str:
    """The learner's address on the broker behind a port of this machine."""
    return f"amqp://{USER}:{PASSWORD}@localhost:{port}/{vhost}"


def can_log_in(broker: Broker, user: str = USER, password: str = PASSWORD) -> bool:
    """Whether the broker lets this user in with this password, tried over AMQP."""
    address = f"amqp://{quote(user)}:{quote(password)}@127.0.0.1:{broker.port}//"
    try:
        with Connection(address, connect_timeout=by_clock(5)) as connection:
            connection.connect()
    except amqp.AccessRefused:
        return False
    except amqp.NotAllowed:  # the user is known, but has no permissions in the vhost /
        return True
    return True


def may_use(broker: Broker) -> bool:
    """Whether the learner's user has all permissions in the learner's vhost."""
    found = broker.facts("permissions", VHOST, USER) or {}
    return {found.get(right) for right in ("configure", "write", "read")} == {".*"}


def connect(broker: Broker, vhost: str = VHOST) -> Connection:
    """A kombu connection as the learner's user."""
    return Connection(url(broker, vhost), connect_timeout=by_clock(5))
