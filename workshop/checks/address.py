"""The address of a broker, as the learner's app has it."""

import re
from typing import Any

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.causes import likely
from workshop.checks.wrong import Wrong


def expect_your_vhost(found: dict[str, Any], broker: Broker) -> None:
    """Raise Wrong unless an address, taken apart by kombu, is the learner's vhost."""
    if "error" in found:
        cause, cure = likely(found["error"]) or ("it begins with amqp://", "look at its parts")
        what = "app's settings" if "conf" in found else "address"
        error = " ".join(found["error"].split())
        raise Wrong(f"the {what} cannot be read: {error} ({cause}; {cure})")
    port = found["port"] or 5672
    if re.search("[<>]", found["url"] or ""):
        raise Wrong(f"the address is {found['url']}: < and > only mark what you are to fill in")
    if found["transport"] not in ("amqp", "pyamqp", "amqplib"):
        raise Wrong(f"the address starts with {found['transport']}://: RabbitMQ speaks amqp")
    if found["host"] is None:
        raise Wrong("the app has no address of yours: it goes to guest@localhost, vhost '/'")
    if found["host"] not in ("localhost", "127.0.0.1", "::1"):
        raise Wrong(f"the address names the host {found['host']!r}; your broker is here")
    if port != broker.port:
        raise Wrong(f"the address has the port {port}; your broker's is {broker.port}")
    if found["vhost"] != login.VHOST:
        raise Wrong(
            f"the address means the vhost {found['vhost']!r}, and yours is "
            f"{login.VHOST!r}: count the slashes after the port"
        )
    if not login.can_log_in(broker, found["user"] or "", found["password"] or ""):
        raise Wrong(
            f"the broker does not let {found['user']!r} in with the password in the "
            "address: is it the user of stage 01?"
        )
    if found["user"] != login.USER:
        raise Wrong(f"the address names the user {found['user']!r}: use your own, learner")
