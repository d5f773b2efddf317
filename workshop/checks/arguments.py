"""The arguments of a queue, as the learner's app names them."""

import difflib
from typing import Any

from workshop.checks.content import common

# what RabbitMQ knows of a queue, and of which type it wants it
ARGUMENTS = {
    "x-queue-type": str,
    "x-delivery-limit": int,
    "x-dead-letter-exchange": str,
    "x-dead-letter-routing-key": str,
    "x-dead-letter-strategy": str,
    "x-overflow": str,
    "x-max-length": int,
    "x-max-length-bytes": int,
    "x-message-ttl": int,
    "x-expires": int,
    "x-consumer-timeout": int,
    "x-quorum-initial-group-size": int,
    "x-single-active-consumer": bool,
    "x-max-in-memory-length": int,
    "x-max-priority": int,
    "x-queue-leader-locator": str,
}


def expect_known_arguments(queues: dict[str, dict[str, Any]]) -> None:
    """Raise Wrong for an argument of a queue that is misspelled, or that RabbitMQ would refuse.

    One that is not known here, and like none that is, may be a newer RabbitMQ's.
    """
    for name, arguments in queues.items():
        for argument, value in arguments.items():
            kind = ARGUMENTS.get(argument)
            near = difflib.get_close_matches(argument, ARGUMENTS, 1, 0.7)
            if not kind and near:
                raise common.wrong("argument_ignored", queue=name, name=argument, near=near[0])
            if kind and type(value) is not kind:
                seen = f"{argument}={value!r}"
                kinds = common.says(kind.__name__)
                raise common.wrong("argument_of_another_type", queue=name, seen=seen, kind=kinds)
