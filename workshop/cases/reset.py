"""Undo what the cases change at the broker."""

import contextlib

from amqp import AMQPError

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.broker.versions import memory_share
from workshop.desk import case, prepare, stages

OTHER = "staging"  # a vhost that a case makes


def reset_broker(broker: Broker) -> None:
    """No alarm, no vhost of a case, the project's own policies, and empty queues."""
    clear_alarm(broker)
    broker.remove("vhosts", OTHER)
    with login.connect(broker) as connection:
        for name in broker.queues(login.VHOST):
            with contextlib.suppress(AMQPError):  # a worker's own queue went with the worker
                connection.channel().queue_purge(name)
    set_policies(broker)


def clear_alarm(broker: Broker) -> None:
    """Set RabbitMQ's default for the share of the machine's memory that it may use."""
    broker.ctl("set_vm_memory_high_watermark", str(memory_share(broker)))


def set_policies(broker: Broker) -> None:
    """Run the project's own script for its policies."""
    [*_, last] = [one for one in stages.all_stages() if one.provides.startswith("policy")]
    prepare.run_script(last, "policy.sh", broker)


def end_case(broker: Broker) -> None:
    """Undo what a case has changed at the broker, if one has been laid out since the last time."""
    for stage in stages.all_stages():
        record = case.laid_out(stage)
        if record and record.is_on_broker:
            reset_broker(broker)
            record.is_on_broker = False
            case.save(stage, record)
