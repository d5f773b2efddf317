"""Kill nodes of a cluster on purpose, and count what becomes of the messages."""

import contextlib
import math
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil
from amqp.exceptions import AMQPError, MessageNacked
from celery import Celery
from kombu import Connection, Exchange, Queue
from kombu.exceptions import OperationalError

from workshop.broker.cluster import Cluster, Member
from workshop.broker.versions import seconds_until_refused
from workshop.drills.waiting import WORKER
from workshop.errors import CourseError
from workshop.machine.patience import Busy, NotYet, Stopwatch, wait_until
from workshop.machine.process import Running
from workshop.project.project import Project

UNSENT = (OperationalError, AMQPError, MessageNacked, OSError)
BEFORE, AFTER = 300, 300  # messages accepted before the kill and after it
TASKS = 300  # for a worker
ERRORS = 20  # if the broker refuses at once


@dataclass
class Sender:
    """Sends tasks to a queue of a cluster, one after another, until `count` have been accepted.

    It gives up after `most_errors` in a row.
    """

    app: Celery
    queue: Queue
    accepted: list[tuple[float, str]] = field(default_factory=list)  # when, and its id
    errors: list[str] = field(default_factory=list)
    count: float = math.inf
    most_errors: float = math.inf
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        in_a_row = 0
        while (
            not self.is_over.is_set()
            and len(self.accepted) < self.count
            and in_a_row < self.most_errors
        ):
            word = uuid.uuid4().hex
            try:
                self.app.send_task("nothing", task_id=word, queue=self.queue)
            except UNSENT as error:
                self.errors.append(f"{type(error).__name__}: {error}")
                in_a_row += 1
            else:
                self.accepted.append((time.monotonic(), word))
                in_a_row = 0


@dataclass(frozen=True)
class Outcome:
    """What became of the messages that a sender thinks were accepted."""

    accepted: int
    lost: int
    errors: list[str]
    times: list[float]  # of each accepted message, in seconds relative to the kill

    @property
    def after(self) -> int:
        """How many were accepted after the kill."""
        return sum(1 for at in self.times if at > 0)

    @property
    def rate(self) -> list[tuple[float, float]]:
        """Messages accepted per second, in each quarter of a second: (seconds, rate)."""
        first, last = (math.floor(4 * at) for at in (self.times[0], max(self.times[-1], 1)))
        found = Counter(math.floor(4 * at) for at in self.times)
        return [(at / 4, 4.0 * found[at]) for at in range(first, last + 1)]


def app_on(addresses: Sequence[str], queue: Queue, confirms: bool = True) -> Celery:
    """A Celery app that sends to a queue at the first of these addresses that answers."""
    app = Celery("drill", broker=";".join(addresses), set_as_current=False)
    # The name makes these connections new ones: kombu would give us those of an earlier drill,
    # which may have gone on to another node.
    named = {"client_properties": {"connection_name": queue.name}}
    app.conf.broker_transport_options = {"confirm_publish": confirms, **named}
    app.conf.task_queues, app.conf.task_default_queue = [queue], queue.name
    app.conf.task_ignore_result = True
    return app


def _facts(node: Member, cluster: Cluster, queue: str) -> dict | None:
    return node.facts("queues", cluster.vhost, queue)


def new_queue(cluster: Cluster, kind: str, name: str = "") -> Queue:
    """A new queue of this type, led by the first node and stored on the disk of every node."""
    name = name or f"drill-{uuid.uuid4().hex[:8]}"
    queue = Queue(name, Exchange(name, "topic"), name, queue_arguments={"x-queue-type": kind})
    with Connection(cluster.address(cluster.nodes[0])) as connection:
        queue(connection.default_channel).declare()
    if kind == "quorum":  # the figures of a new queue come a moment later
        for node in cluster.alive:
            wait_until(
                lambda: len((_facts(node, cluster, name) or {}).get("members", ())) == 3,  # noqa: B023
                limit=20,
                what="three copies of the queue",
            )
    for node in cluster.alive:  # see SecondBroker.flush_to_disk
        node.ctl("eval", "mnesia:sync_log().", check=False)
    return queue


def kill_the_leader(cluster: Cluster, kind: str, confirms: bool) -> Outcome:
    """Send tasks to a queue, kill its leader in the meantime, and count the losses.

    The sender knows all three addresses. It keeps going until 300 more have been accepted, or until
    it gets nothing but errors. Afterward, all three nodes run again.
    """
    queue = new_queue(cluster, kind)
    leader = cluster.leader(queue.name)
    others = [node for node in cluster.nodes if node is not leader]
    addresses = [cluster.address(node) for node in (leader, *others)]
    refusal = seconds_until_refused(leader) if kind == "classic" else 0
    # in a row, which means that the queue is not coming back
    most_errors = 1 if refusal else ERRORS
    sender = Sender(app_on(addresses, queue, confirms), queue, most_errors=most_errors)
    thread = threading.Thread(target=sender.run, daemon=True)
    thread.start()
    wait_until(lambda: len(sender.accepted) >= BEFORE, limit=30, what=f"{BEFORE} messages")
    killed = kill(leader, sender, confirms)

    def is_over() -> bool:
        return len(sender.accepted) >= killed[1] + AFTER or not thread.is_alive()

    wait_until(is_over, limit=60 + refusal, what=f"{AFTER} more messages, or errors only")
    sender.is_over.set()
    wait_until(lambda: not thread.is_alive(), limit=30, what="the sender's end")
    sender.app.close()
    cluster.restore()
    there = taken_out(cluster, queue)
    lost = sum(1 for _, word in sender.accepted if not there[word])
    times = [at - killed[0] for at, _ in sender.accepted]
    return Outcome(len(sender.accepted), lost, sender.errors, times)


def kill(node: Member, sender: Sender, confirms: bool) -> tuple[float, int]:
    """SIGKILL a node while messages are on their way to it; return when, and how many it had.

    It is suspended first, so that it receives none of the messages that are still being sent.
    """
    psutil.Process(node.pid).suspend()
    before = len(sender.accepted)
    if not confirms:
        wait_until(lambda: len(sender.accepted) >= before + 10, limit=10, what="ten more messages")
    node.kill()
    return time.monotonic(), before


def taken_out(cluster: Cluster, queue: Queue) -> Counter[str]:
    """The ids of the tasks in a queue, which is then removed."""
    found: Counter[str] = Counter()

    def leader_now() -> Member | None:
        with contextlib.suppress(CourseError):  # there is none during an election
            return cluster.leader(queue.name)
        return None

    leader = wait_until(leader_now, limit=30, what="a leader")
    with Connection(cluster.address(leader)) as connection:
        bound = queue(connection.default_channel)
        while message := bound.get(no_ack=True):
            found[message.headers["id"]] += 1
        bound.delete()
    return found


@dataclass(frozen=True)
class Survived:
    """What became of tasks when a node was killed; `seconds` is how long until more were done."""

    seconds: float
    accepted: int
    finished: int
    twice: int


def work_while_a_node_dies(project: Project, cluster: Cluster) -> Survived:
    """Send 300 tasks to a worker of the project, and kill the node that it is connected to.

    Afterward, all three nodes run again.
    """
    queue = new_queue(cluster, "quorum", "sums")
    worker = project.run(f"{WORKER} -Q sums")
    app = app_on([cluster.address(node) for node in reversed(cluster.nodes)], queue)
    sender = Sender(app, queue, count=TASKS)
    thread = threading.Thread(target=sender.run, daemon=True)
    thread.start()
    wait_until(lambda: len(runs_of(worker)) >= 50, limit=30, what="50 tasks")
    cluster.nodes[0].kill()  # the first address, and the balancer's first
    before = len(runs_of(worker))
    with Stopwatch() as took:
        # more than it had when the node died
        wait_until(lambda: len(runs_of(worker)) >= before + 5, limit=90, what="more tasks")
    wait_until(lambda: not thread.is_alive(), limit=60, what="the sender's end")
    sent = {word for _, word in sender.accepted}
    wait_until(lambda: sent <= runs_of(worker).keys(), limit=60, what="all tasks")
    runs = runs_of(worker)
    app.close()
    project.stop()
    cluster.restore()
    twice = sum(1 for word in sent if runs[word] > 1)
    return Survived(took.clock, len(sent), len(sent & runs.keys()), twice)


def runs_of(worker: Running) -> Counter[str]:
    """How often each task of a worker has succeeded, by its id."""
    return Counter(re.findall(r"Task \S+\[(\S+)\] succeeded", worker.text()))


@dataclass(frozen=True)
class Waited:
    """A message sent to one node of three: when it was accepted, and how often it arrived."""

    accepted_alone: bool
    accepted_by_two: bool
    arrived: int


def send_in_a_minority(cluster: Cluster) -> Waited:
    """Kill two of three nodes, and send a task to the third; then start one of the two again.

    Afterward, all three nodes run again.
    """
    queue = new_queue(cluster, "quorum")
    one, two, three = cluster.nodes
    sender = Sender(app_on([cluster.address(one)], queue), queue, count=1)
    for node in (two, three):
        node.kill()
    thread = threading.Thread(target=sender.run, daemon=True)
    thread.start()
    with contextlib.suppress(NotYet, Busy):  # an answer takes milliseconds
        wait_until(lambda: sender.accepted, limit=5, what="an answer")
    alone = bool(sender.accepted)
    cluster.start_nodes(two)
    wait_until(lambda: sender.accepted, limit=60, what="an answer")
    cluster.restore()
    return Waited(alone, bool(sender.accepted), len(taken_out(cluster, queue)))
