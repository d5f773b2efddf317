"""Count where messages go and what waits for what, on a project's broker.

Here, a project is a copy that may be changed (`stage.copy`); its tables already exist.
"""

import re
import time
from dataclasses import dataclass

import psutil
from kombu import Connection, Exchange, Queue

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.drills.failures import send_task, stuck
from workshop.machine.patience import wait_until
from workshop.machine.process import Running
from workshop.project.project import Project
from workshop.project.service import closed_gate, flaky_service

WORKER = (
    "celery -A celery_testing worker --loglevel=info --concurrency=1 --without-mingle "
    "--include=workshop.project.tasks"
)
SHORT = 7  # tasks
REQUESTS = 8
OF_A = 200  # tasks
LOW, HIGH = 20, 5  # messages


def arrives_in(broker: Broker, kind: str, bound: dict[str, str], key: str) -> list[str]:
    """Publish one message to a new exchange of this kind; return the queues that get it.

    `bound` maps each queue to the key of its binding. Exchange and queues are deleted afterward.
    """
    with Connection(login.url(broker)) as connection:
        channel, exchange = connection.default_channel, Exchange(f"try-{kind}", kind)
        queues = [Queue(name, exchange, of, channel=channel) for name, of in bound.items()]
        try:
            for queue in queues:
                queue.declare()
            connection.Producer().publish("hello", exchange=exchange.name, routing_key=key)
            return [queue.name for queue in queues if queue.get(no_ack=True)]
        finally:
            for queue in queues:
                queue.delete()
            exchange(channel).delete()


def order_of(broker: Broker, **arguments) -> list[int]:
    """Publish 20 messages of priority 0, then 5 of priority 9; return the order they come out in.

    `arguments` are the queue's, with underscores instead of hyphens: x_max_priority=10.
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
            """Each short task has been taken, and the free worker has finished all that it took."""
            taken = _short(free, "received")
            return taken + _short(busy, "received") == SHORT and taken == _short(free, "succeeded")

        wait_until(is_over, limit=20, what="the short tasks")
        done = _short(free, "succeeded") + _short(busy, "succeeded")
    project.stop()
    return done


def _short(worker: Running, what: str) -> int:
    return len(re.findall(rf"Task nothing\[.*{what}", worker.text()))


def requests_per_second(project: Project, queue: str, workers: int) -> float:
    """Send eight receipts to a service with this many workers; return the rate that it sees."""
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
    """Customer A sends 200 tasks to the queue `a`, then B one to `queue`; one worker runs them all.

    Return how many of A's tasks are done before B's.
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


RECEIPTS = 60


def receipts_at_once(project: Project) -> int:
    """Send 60 receipts to a service that does not answer; return how many requests it gets.

    Start the project's workers first. The service answers at the end, so no receipt is lost.
    """
    with closed_gate() as gate:
        project.shell(
            "from receipts.tasks import tell\n"
            f"for number in range({RECEIPTS}):\n"
            f"    tell.delay('{gate.url}', f'sum {{number}}')\n"
        )
        gate.wait_until_full(project.broker, project.vhost, "quick", RECEIPTS)
        at_once = gate.inside
        gate.is_open.set()
        left = lambda: project.broker.queues(project.vhost)["quick"]["total"]  # noqa: E731
        wait_until(lambda: not left(), limit=60, what="the end of all receipts")
    return at_once


@dataclass(frozen=True)
class Counted:
    """How a worker counted: processor seconds of its busiest process, of all, and by the clock."""

    busiest: float
    processor: float
    clock: float


def count_eight_sums(project: Project, options: str) -> Counted:
    """Let a worker with these options count eight sums."""
    worker = project.run(f"{WORKER} -Q sums {options}")
    main = psutil.Process(worker.pid)
    all_of_it = [main, *main.children()]

    def used() -> list[float]:
        return [sum(one.cpu_times()[:2]) for one in all_of_it]

    before, begun = used(), time.perf_counter()
    for _ in range(8):
        send_task(project, "sums.tasks.sum_number", (1_000, 10_000))
    worker.wait_for(r"sum_number\[.*succeeded", count=8, limit=60)
    clock = time.perf_counter() - begun
    took = [after - first for after, first in zip(used(), before, strict=True)]
    project.stop()
    return Counted(max(took), sum(took), clock)


def mib_of(worker: Running) -> float:
    """The memory of a worker and its processes, in MiB; memory that they share counts once."""
    main = psutil.Process(worker.pid)
    sizes = [one.memory_full_info() for one in (main, *main.children(recursive=True))]
    return sum(getattr(size, "pss", 0) or size.rss for size in sizes) / 2**20


def leaked(project: Project) -> float:
    """Run twelve tasks that each keep 20 MiB, one at a time; return the worker's memory, in MiB."""
    worker = project.run(f"{WORKER} -Q sums")
    for _ in range(12):
        send_task(project, "leak", (20,))
    worker.wait_for(r"Task leak\[.*succeeded", count=12, limit=60)
    found = mib_of(worker)
    project.stop()
    return found
