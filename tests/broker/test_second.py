"""The second broker: killed as often as a drill likes, and never in the learner's way."""

import contextlib
import os
import signal
import subprocess
import sys

import psutil
import pytest
from kombu import Connection

from workshop import places
from workshop.broker import login
from workshop.broker.spare import SecondBroker, second_broker, this_process_broker
from workshop.desk import prepare, stages
from workshop.drills.failures import publish_until_killed
from workshop.errors import CourseError
from workshop.machine import cards
from workshop.machine.patience import by_clock, wait_until
from workshop.project.project import Project


@pytest.fixture(autouse=True)
def none_yet():
    """Without the one that other tests of this process share."""
    this_process_broker().end()


def test_it_is_killed_and_what_waits_in_the_learners_broker_stays(learner, broker):
    prepare.run_script(stages.find("01"), "broker.sh", broker)  # the learner's user
    broker.make_vhost("mine", login.USER)
    with Connection(login.url(broker, "mine")) as connection:
        queue = connection.SimpleQueue("mine")
        queue.put("a letter")
        with second_broker() as second:
            assert second.port != broker.port
            confirmed, hoped = (publish_until_killed(second, how, 50) for how in (True, False))
        assert confirmed["accepted"] >= 50 and confirmed["lost"] == 0
        assert hoped["accepted"] >= 50 and hoped["lost"] >= 10
        assert second.pid is None
        letter = queue.get(timeout=by_clock(5))
        assert letter.payload == "a letter"
        letter.ack()
        queue.close()
    broker.remove("vhosts", "mine")


def test_it_ends_with_the_process_that_started_it(learner):
    code = (
        "from workshop.broker.spare import SecondBroker; second = SecondBroker(); second.start(); "
        "print(second.pid, flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child.stdin, child.stdout:
        node = int(child.stdout.readline())
        folder = places.desk() / ".second" / str(child.pid)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    wait_until(lambda: not psutil.pid_exists(node), limit=20, what="the node's end")

    def left() -> list[cards.Found]:
        return [found for found in cards.running() if "epmd" in found.command]

    wait_until(lambda: not left(), limit=10, what="the port mapper's end")
    assert folder.exists()
    with second_broker():
        assert not folder.exists(), "what a dead process left is cleared"


def test_a_node_that_is_still_booting_leaves_no_port_mapper(learner):
    code = (
        "import os, threading; from workshop.broker.spare import SecondBroker; "
        "from workshop.machine.patience import wait_until; second = SecondBroker(); "
        "threading.Thread(target=second.start).start(); "
        "wait_until(lambda: second.pid, limit=20, what='the node'); os._exit(0)"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    child.wait()

    def left() -> list[cards.Found]:
        return [found for found in cards.running() if found.name.startswith("second")]

    wait_until(lambda: not left(), limit=20, what="the guards' end")
    home = str(places.desk() / ".second" / str(child.pid))

    def belongs_to_it(process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):  # another user's
            return process.name() == "epmd" and process.environ().get("HOME") == home
        return False

    assert not any(map(belongs_to_it, psutil.process_iter()))


def test_a_project_on_the_second_broker_has_a_vhost_and_tables_of_its_own(solved):
    stage = solved("08")
    with second_broker() as second:
        here = Project(stage, stage.path, second)
        one, other = (here.on(second, name).env for name in ("one", "other"))
        assert one["BROKER_URL"] != other["BROKER_URL"]
        assert one["DATABASE_URL"] != other["DATABASE_URL"]
        assert {"one", "other"} <= {vhost["name"] for vhost in second.facts("vhosts")}
        second.empty()
        assert "one" not in {vhost["name"] for vhost in second.facts("vhosts")}


def test_a_chord_becomes_whole_though_its_last_part_ends_while_the_broker_is_away(solved):
    stage = solved("10")
    # sent from here, so that the worker's process has not sent anything, and must connect first
    chord = """
from celery import chord
from sums.models import Job
from sums.tasks import add_up, sum_rows

job = Job.objects.create(x=10_000, y=10_000)
parts = [sum_rows.s(job.task_id, row, row + 5_000, job.y) for row in (0, 5_000)]
chord(parts)(add_up.s().set(task_id=job.task_id))
"""
    done = "SELECT count(*) FROM django_celery_results_taskresult WHERE status = 'SUCCESS'"
    with second_broker() as second:
        project = Project(stage, stage.path, second).on(second, second.vhost)
        worker = project.run("celery -A celery_testing worker --loglevel=info --concurrency=2")
        try:
            project.shell(chord)
            worker.wait_for("sum_rows.* received", count=2)
            second.kill()
            wait_until(lambda: project.rows(done) == [(2,)], limit=40, what="both parts' end")
            second.start()
            worker.wait_for("add_up.* succeeded .*: 100000000", limit=60)
        finally:
            worker.stop()


def test_one_that_does_not_come_up_whole_leaves_nothing(learner, monkeypatch):
    failed = []

    def refuse(second: SecondBroker) -> None:
        failed.append(second.pid)
        raise CourseError("it takes no user")

    monkeypatch.setattr(SecondBroker, "_admit_learner", refuse)
    with pytest.raises(CourseError), second_broker():
        pass
    assert failed[0] and not psutil.pid_exists(failed[0])
    assert not [found for found in cards.running() if found.name.startswith("second")]
