"""Where a message goes, and what waits for what: counted, on the broker of a project.

A project here is a copy that may be changed (`stage.copy`); its tables have been made.
"""

import re

from kombu import Connection, Exchange, Queue

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.drills.failures import send_task, stuck
from workshop.machine.patience import wait_until
from workshop.machine.process import Running
from workshop.project.project import Project
from workshop.project.service import flaky_service

WORKER = (
    "celery -A celery_testing worker --loglevel=info --concurrency=1 --without-mingle "
    "--include=workshop.project.tasks"
)
SHORT = 7  # tasks
REQUESTS = 12
OF_A = 200  # tasks
LOW, HIGH = 20, 5  # messages


def arrives_in(broker: Broker, kind: str, bound: dict[str, str], key: str) -> list[str]:
    """Publish one message to a new exchange of this kind; return the queues that get it.

    `bound` are queues with the key of their binding. All of it is removed again.
    """
    with Connection(login.url(broker)) as connection:
        channel, exchange = connection.default_channel, Exchange(f"try-{kind}", kind)
        queues = [Queue(name, exchange, of, channel=channel) for name, of in bound.items()]
        for queue in queues:
            queue.declare()
        connection.Producer().publish("hello", exchange=exchange.name, routing_key=key)
        found = [queue.name for queue in queues if queue.get(no_ack=True)]
        for queue in queues:
            queue.delete()
        exchange(channel).delete()
    return found


def order_of(broker: Broker, **arguments) -> list[int]:
    """Publish 20 messages of priority 0 and then 5 of priority 9; return the order they come in.

    `arguments` are those of the queue, with underscores: x_max_priority=10.
    """
    words = {name.replace("_", "-"): value for name, value in arguments.items()}
    with Connection(login.url(broker), transport_options={"confirm_publish": True}) as connection:
        queue = Queue("try-order", queue_arguments=words)(connection.default_channel)
        queue.declare()
        producer = connection.Producer()
        for priority in [0] * LOW + [9] * HIGH:
            producer.publish(priority, routing_key=queue.name, priority=priority)
        found = []
        while message := queue.get(no_ack=True):
            found.append(message.payload)
        queue.delete()
    return found


def done_meanwhile(project: Project) -> int:
    """How many of seven short tasks are done while a long one runs in one of two workers."""
    workers = [project.run(f"{WORKER} -Q sums -n {name}@%h") for name in ("first", "second")]
    with stuck(project, processes=1):

        def has_it(worker: Running) -> bool:
            return "Task locked[" in worker.text()

        wait_until(lambda: any(map(has_it, workers)), limit=20, what="the long task")
        for _ in range(SHORT):
            send_task(project, "nothing", ())
        free, busy = sorted(workers, key=has_it)

        def is_over() -> bool:
            """Each has been taken, and the free worker has done all of its own."""
            taken = _short(free, "received")
            return taken + _short(busy, "received") == SHORT and taken == _short(free, "succeeded")

        wait_until(is_over, limit=20, what="the short tasks")
        done = _short(free, "succeeded") + _short(busy, "succeeded")
    project.stop()
    return done


def _short(worker: Running, what: str) -> int:
    return len(re.findall(rf"Task nothing\[.*{what}", worker.text()))


def requests_per_second(project: Project, queue: str, workers: int) -> float:
    """Send twelve receipts to a service, run by this many workers; return the rate it sees."""
    for number in range(workers):
        project.run(f"{WORKER} -Q {queue} -n partner{number}@%h")
    with flaky_service(failures=0) as service:
        project.shell(
            "from receipts.tasks import tell\n"
            f"for number in range({REQUESTS}):\n"
            f"    tell.delay('{service.url}', f'sum {{number}}')\n"
        )
        wait_until(lambda: service.accepted == REQUESTS, limit=30, what="the requests")
    project.stop()
    return service.rate


def done_before_b(project: Project, queue: str) -> int:
    """Customer A sends 200 tasks to the queue `a`, B then one to `queue`; one worker runs all.

    Return how many of A's are done before B's.
    """
    project.shell(
        "from celery import current_app as app\n"
        "with app.connection_for_write() as connection:\n"
        "    for name in 'ab':\n"
        "        app.amqp.queues[name](connection.default_channel).declare()\n"
        f"for _ in range({OF_A}):\n"
        "    app.send_task('nothing', queue='a')\n"
        f"app.send_task('add', (1, 2), queue='{queue}')\n"
    )
    worker = project.run(f"{WORKER} -Q a,b")
    worker.wait_for(r"Task add\[.*succeeded", limit=60)
    before, *_ = re.split(r"Task add\[.*succeeded", worker.text())
    project.stop()
    for name in "ab":
        project.broker.remove("queues", project.vhost, name)
    return len(re.findall(r"Task nothing\[.*succeeded", before))
