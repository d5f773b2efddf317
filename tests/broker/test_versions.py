"""What `workshop.broker.versions` says about the broker's version is true of the broker at hand."""

import shlex
import sys

import pytest
from amqp.exceptions import NotFound
from celery import Celery
from kombu import Connection

from workshop import places
from workshop.broker import login, versions
from workshop.broker.cluster import cluster
from workshop.desk import prepare, stages
from workshop.drills import new_queue
from workshop.machine import process
from workshop.machine.patience import Stopwatch, wait_until

VHOST = "held"
WORKER = """
from celery import Celery

app = Celery("held", broker={url!r})
app.conf.worker_prefetch_multiplier = {prefetch}


@app.task(name="now")
def now():
    return "done"
"""


@pytest.mark.parametrize(
    ("version", "later", "prefetch", "takes"),
    [("3.10.8", 6, 1, 6), ("3.13.7", 6, 4, 6), ("4.0.5", 6, 1, 1), ("4.2.1", 3, 4, 3)],
)
def test_how_many_held_tasks_a_worker_takes(monkeypatch, version, later, prefetch, takes):
    monkeypatch.setattr(versions, "version_of", lambda _: version)
    assert versions.tasks_taken(later, prefetch, broker=None) == takes


def test_a_worker_takes_that_many_and_what_becomes_of_a_task_behind_them(learner, broker, tmp_path):
    prepare.run_script(stages.find("01"), "broker.sh", broker)  # the learner's user
    broker.make_vhost(VHOST, login.USER)
    url = login.url(broker, VHOST)
    (tmp_path / "held.py").write_text(WORKER.format(url=url, prefetch=2))
    app = Celery(broker=url, set_as_current=False)

    def in_the_queue() -> tuple[int, int]:
        found = broker.queues(VHOST).get("celery", {"ready": 0, "unacked": 0})
        return found["ready"], found["unacked"]

    command = f"{shlex.quote(sys.executable)} -m celery -A held worker --loglevel=info"
    command += " --concurrency=1 --without-mingle"
    takes = versions.tasks_taken(6, 2, broker)
    with process.run(command, cwd=tmp_path, ready=process.says(r" ready\.")) as worker:
        for _ in range(6):
            app.send_task("now", countdown=3600)
        wait_until(
            lambda: in_the_queue() == (6 - takes, takes), limit=20, what=f"{takes} of 6 taken"
        )
        app.send_task("now")
        if takes == 6:
            assert worker.wait_for("Task now.* succeeded", limit=20)
        else:
            wait_until(lambda: in_the_queue() == (7 - takes, takes), limit=20, what="the seventh")
            assert app.control.inspect(timeout=2, limit=1).ping(), "the worker is idle"
            assert "succeeded" not in worker.text()
    app.close()
    broker.remove("vhosts", VHOST)


def test_the_largest_message_is_that_of_the_version(broker):
    said = broker.ctl("eval", "application:get_env(rabbit, max_message_size).")
    assert said.strip() == f"{{ok,{versions.largest_message(broker)}}}"


def test_the_share_of_the_memory_is_that_of_the_version(broker):
    said = broker.ctl("eval", "application:get_env(rabbit, vm_memory_high_watermark).")
    assert said.strip() == f"{{ok,{versions.memory_share(broker)}}}"


def test_a_classic_queue_whose_node_is_down_is_refused_after_that_long(learner):
    configuration = (places.SOLUTIONS / "16_cluster" / "rabbitmq.conf").read_text()
    with cluster(configuration) as brokers:
        queue = new_queue(brokers, "classic")
        led, other, _ = brokers.nodes
        led.kill()
        with (
            Connection(brokers.address(other)) as connection,
            Stopwatch() as took,
            pytest.raises(NotFound, match=queue.name),
        ):
            queue(connection.default_channel).declare()
        expected = versions.seconds_until_refused(other)
    assert took.clock >= expected
    assert took.seconds < expected + 30
