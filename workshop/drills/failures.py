"""Failures made on purpose, and counted. Each works on the second broker (broker/spare.py).

A count is a dict: `finished`, `lost`, and where known `accepted`, `refused`, `twice`.
"""

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import psutil
from amqp.exceptions import AMQPError, MessageNacked
from celery import Celery
from kombu import Connection, Queue
from kombu.exceptions import OperationalError

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.broker.spare import SecondBroker
from workshop.errors import CourseError
from workshop.machine import environment
from workshop.machine.patience import wait_until
from workshop.machine.process import Running
from workshop.project.project import Project

UNSENT = (OperationalError, AMQPError, MessageNacked, OSError)
TASKS = "workshop.project.tasks"
WAYS = {"no confirms": False, "confirms": True}


def connect(address: str, confirms: bool) -> Connection:
    return Connection(address, transport_options={"confirm_publish": confirms})


def publish_until_killed(
    second: SecondBroker, confirms: bool, at_least: int = 300
) -> dict[str, int]:
    """Publish, with confirms or without, until the node is killed; then start it again.

    It is killed when it has accepted `at_least` messages, and while more are on their way to it:
    it is suspended for a moment, and receives nothing of what is still being sent.
    """
    name, accepted = f"killed-{uuid.uuid4().hex[:8]}", []

    def publish() -> None:
        with contextlib.suppress(*UNSENT), connect(login.url(second), confirms) as connection:
            producer = connection.Producer()
            while True:
                word = uuid.uuid4().hex
                producer.publish(word, routing_key=name, delivery_mode=2)
                accepted.append(word)

    with connect(login.url(second), False) as connection:
        Queue(name)(connection.default_channel).declare()
    # A confirm is about the message, not its queue, which must be on the disk, too.
    second.flush_to_disk()
    sender = threading.Thread(target=publish, daemon=True)
    sender.start()
    wait_until(lambda: len(accepted) >= at_least, limit=30, what=f"{at_least} messages")
    psutil.Process(second.pid).suspend()
    before = len(accepted)
    if not confirms:
        wait_until(lambda: len(accepted) >= before + 10, limit=10, what="ten more messages")
    second.kill()
    wait_until(lambda: not sender.is_alive(), limit=30, what="the sender's end")
    second.start()
    return _count(accepted, second, name)


def _count(accepted: list[str], second: SecondBroker, name: str) -> dict[str, int]:
    """Which of the accepted messages are in the queue, taken out one by one."""
    there: Counter[str] = Counter()
    with connect(login.url(second), False) as connection:
        queue = Queue(name)(connection.default_channel)
        queue.declare()
        while letter := queue.get(no_ack=True):
            there[letter.body if isinstance(letter.body, str) else letter.body.decode()] += 1
        queue.delete()
    finished = sum(1 for word in accepted if there[word])
    return {
        "accepted": len(accepted),
        "finished": finished,
        "lost": len(accepted) - finished,
        "twice": sum(1 for count in there.values() if count > 1),
    }


def publish_to_a_full_queue(second: SecondBroker) -> dict[str, dict[str, int]]:
    """Send ten messages to a queue that holds three and refuses more, with confirms and without."""
    found = {}
    for name, confirms in WAYS.items():
        ok = 0
        limits = {"x-max-length": 3, "x-overflow": "reject-publish"}
        full = Queue(f"full, {name}", queue_arguments=limits)
        with connect(login.url(second), confirms) as connection:
            queue, producer = full(connection.default_channel), connection.Producer()
            queue.declare()
            for number in range(10):
                with contextlib.suppress(*UNSENT):
                    producer.publish(str(number), routing_key=full.name)
                    ok += 1
            kept = wait_until(
                lambda: second.queues(login.VHOST)[full.name]["ready"] == 3 and 3,  # noqa: B023
                limit=5,
                what="three messages",
            )
            queue.delete()
        found[name] = {"accepted": ok, "refused": 10 - ok, "finished": kept, "lost": ok - kept}
    return found


@contextlib.contextmanager
def impatient(broker: Broker, seconds: float) -> Iterator[None]:
    """Make the broker wait `seconds` for an acknowledgment, instead of half an hour."""

    def wait_for(seconds: float, looks: float) -> None:
        limits = {"consumer_timeout": seconds, "channel_tick_interval": looks}
        for name, value in limits.items():
            broker.ctl("eval", f"application:set_env(rabbit, {name}, {int(value * 1000)}).")

    wait_for(seconds, looks=seconds)
    try:
        yield
    finally:
        wait_for(30 * 60, looks=60)


# --- tasks of the project, sent as its own app would ---------------------------------------------


def send_task(project: Project, name: str, args: tuple, queue: str = "sums", **options) -> str:
    """Publish a task to a queue of the project, confirmed; return its id."""
    address = project.env.get("BROKER_URL", login.url(project.broker))
    with Celery("drill", broker=address, set_as_current=False) as app:
        app.conf.broker_transport_options = {"confirm_publish": True}
        where = {"exchange": queue, "routing_key": queue, "exchange_type": "topic"}
        return app.send_task(name, args, **where, **options).id


def send(project: Project, x: int, y: int, **options) -> str:
    """Add a job and send its task sum_number(x, y) with these options; return their id."""
    job = uuid.uuid4()
    now = datetime.now(UTC).replace(tzinfo=None)  # as Django writes it
    row = {"id": job.hex, "x": x, "y": y, "created": str(now), "sent": str(now)}
    project.rows(
        "insert into sums_job (id, x, y, created, sent) values (:id, :x, :y, :created, :sent)", row
    )
    return send_task(project, "sums.tasks.sum_number", (x, y), task_id=str(job), **options)


def tell(project: Project, url: str, count: int) -> None:
    """Send `count` tasks, each with a different text to tell."""
    for number in range(count):
        send_task(project, "receipts.tasks.tell", (url, f"sum {number}"))


def poison(project: Project, enough: int) -> tuple[int, int]:
    """Send four messages that kill their process; return how often they began and reached `dead`.

    Stops once all are there, or after `enough` starts. A running worker knows the task by
    `--include`. Four, since a pool notices a lost process only when another ends, or after five
    seconds.
    """
    begun = project.path / "begun.txt"
    begun.unlink(missing_ok=True)
    times = lambda: begun.read_text().count("begun") if begun.exists() else 0  # noqa: E731
    dead = lambda: project.broker.queues(project.vhost)["dead"]["ready"]  # noqa: E731
    before = dead()
    for _ in range(4):
        send_task(project, "poison", (str(begun),))
    wait_until(lambda: dead() == before + 4 or times() >= enough, limit=50, what="its end")
    return times(), dead() - before


@contextlib.contextmanager
def stuck(
    project: Project, processes: int, queues: tuple[str, ...] = ("sums",), **options
) -> Iterator[None]:
    """Keep this many processes, for each queue, waiting for a lock until the block ends.

    `options` are those of the tasks that wait, such as a time limit. Start the workers with
    `--include=workshop.project.tasks`, so that they know the task.
    """
    with (project.path / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for queue in queues:
            for _ in range(processes):
                send_task(project, "locked", (file.name,), queue, **options)
        yield


@contextlib.contextmanager
def suspended(worker: Running) -> Iterator[None]:
    """Keep the main process of a worker from running until the block ends."""
    main = psutil.Process(worker.pid)
    main.suspend()
    try:
        yield
    finally:
        main.resume()


def run_twice(project: Project, worker: Running) -> int:
    """Cut the connection of a sum's worker while it counts; return the receipts after two runs."""
    job = send(project, 10000, 10000)
    worker.wait_for(f"{job}.*counting")
    project.broker.ctl("close_all_connections", "--global", "the drill")
    worker.wait_for(rf"{job}\] succeeded", count=2, limit=60)
    query = "select count(*) from receipts_receipt where job_id = :job"
    return project.rows(query, {"job": job.replace("-", "")})[0][0]


IN_A_TRANSACTION = f"""
import pathlib, sys
from django.db import transaction
from sums.models import Job
from {TASKS} import read
from workshop.machine.patience import wait_until
log, how = pathlib.Path(sys.argv[1]), sys.argv[2]
with transaction.atomic():
    job = Job.objects.create(x=3, y=4)
    getattr(read, how)(str(job.pk))
    if how == "delay":
        wait_until(lambda: "DoesNotExist" in log.read_text(), limit=10, what="the worker")
"""


def in_a_transaction(project: Project, worker: Running, hows: tuple[str, ...]) -> dict[str, str]:
    """What the worker logs about a task sent inside a transaction, for each of the ways.

    With `delay`, the transaction is held open until the worker has logged it.
    """
    found = {}
    for number, how in enumerate(hows, 1):
        code = f"import django; django.setup()\n{IN_A_TRANSACTION}"
        done = subprocess.run(
            [sys.executable, "-c", code, str(worker.log), how],
            cwd=project.path,
            env=environment.clean(
                **project.env,
                DJANGO_SETTINGS_MODULE="celery_testing.settings",
                PYTHONPATH=os.pathsep.join([str(project.path), *filter(None, sys.path)]),
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CourseError(f"{how}: {done.stderr.strip().splitlines()[-1]}", "workshop check 08")
        [*_, line] = worker.wait_for("Task read.*(succeeded|raised unexpected)", count=number)
        [found[how]] = re.findall("succeeded|raised unexpected: .*", line)
    return found
