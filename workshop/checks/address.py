"""The address of a broker, as the learner's app has it."""

import re
from typing import Any

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.causes import likely_cause
from workshop.checks.content import common


def expect_your_vhost(found: dict[str, Any], broker: Broker) -> None:
    """Raise Wrong unless an address, parsed by kombu, is that of the learner's vhost."""
    if "error" in found:
        cause, cure = likely_cause(found["error"]) or (
            "it begins with amqp://",
            "look at its parts",
        )
        what = "app's settings" if "conf" in found else "address"
        error = " ".join(found["error"].split())
        raise common.wrong("address_unreadable", what=what, error=error, cause=cause, cure=cure)
    expect_this_broker(found, broker)
    user = found["user"]
    if found["vhost"] != login.VHOST:
        raise common.wrong("address_vhost", vhost=found["vhost"], yours=login.VHOST)
    if not login.can_log_in(broker, user or "", found["password"] or ""):
        raise common.wrong("address_login", user=user)
    if user != login.USER:
        raise common.wrong("address_user", user=user)


def expect_this_broker(found: dict[str, Any], broker: Broker) -> None:
    """Raise Wrong unless the address leads to the broker of this checkout."""
    port = found["port"] or 5672
    if re.search("[<>]", found["url"] or ""):
        raise common.wrong("address_with_brackets", url=found["url"])
    if found["transport"] not in ("amqp", "pyamqp", "amqplib"):
        raise common.wrong("address_of_another_kind", transport=found["transport"])
    if found["host"] is None:
        raise common.wrong("address_missing")
    if found["host"] not in ("localhost", "127.0.0.1", "::1"):
        raise common.wrong("address_host", host=found["host"])
    if port != broker.port:
        raise common.wrong("address_port", port=port, yours=broker.port)
