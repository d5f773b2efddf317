"""A command returns when it is ready, says why it failed, and ends with its notebook."""

import os
import signal
from types import SimpleNamespace

import psutil
import pytest
from jupyter_client.manager import KernelManager

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.desk import prepare, stages
from workshop.errors import CourseError
from workshop.machine import cards, process
from workshop.machine.patience import by_clock, wait_until

SLEEPER = "python -c \"import time; print('up'); time.sleep(600)\""


@pytest.fixture(autouse=True)
def the_terminal_of_a_learner():
    """celery, python and rabbitmqctl are found as in a Lab terminal."""
    prepare.enter(Broker())


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_run_returns_when_it_is_ready_and_stop_when_it_has_ended(tmp_path):
    running = process.run(SLEEPER, cwd=tmp_path, ready=process.says("up"))
    pid = running.pid
    assert running.is_running and "up" in running.text()
    running.stop()
    assert gone(pid) and not running.card.exists()


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
print("child", child.pid, flush=True)
time.sleep(600)
"""


def test_a_command_that_has_to_be_killed_leaves_no_process_in_another_group(tmp_path):
    """As supervisor does, which starts each of its programs in a separate group."""
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    running = process.run(
        "python stubborn.py", cwd=tmp_path, ready=process.says("child"), grace=0.2
    )
    child = int(running.text().split()[1])
    running.stop()
    wait_until(lambda: gone(child), limit=10, what="the child's end")


def test_a_command_that_ends_says_its_last_words_and_the_likely_cause(tmp_path):
    with pytest.raises(CourseError) as error:
        process.run("celery -A nosuch worker", cwd=tmp_path, ready=process.says(" ready"), limit=20)
    assert "The module nosuch was not found" in str(error.value)
    assert "from this folder, Python cannot find the module nosuch" in error.value.cause


def test_of_several_processes_the_one_that_failed_first_is_quoted(tmp_path):
    """honcho stops the others after that, and its last lines are about them."""
    log = tmp_path / "log"
    log.write_text(
        "10:00:00 system   | worker.1 started (pid=7)\n"
        "10:00:01 worker.1 | Something was wrong with the letters\n"
        "10:00:01 system   | worker.1 stopped (rc=2)\n"
        "10:00:01 system   | sending SIGTERM to web.1 (pid 8)\n"
        "10:00:02 web.1    | bye\n"
        "10:00:02 system   | web.1 stopped (rc=-15)\n"
    )
    ended = SimpleNamespace(poll=lambda: 2, returncode=2)
    said = str(process.Running("honcho start", log, ended, log).failure("it ended"))
    assert "wrong with the letters" in said and "worker.1 stopped (rc=2)" in said
    assert "web.1" not in said


def test_a_command_that_is_never_ready_is_ended_and_named(tmp_path):
    with pytest.raises(CourseError, match=r"not ready within 1 s"):
        process.run(SLEEPER, cwd=tmp_path, ready=process.says("never"), limit=1)
    assert not [found for found in cards.running() if "600" in found.command]


def test_waiting_for_a_line_that_does_not_come_says_so(tmp_path):
    with (
        process.run(SLEEPER, cwd=tmp_path, ready=process.says("up")) as running,
        pytest.raises(CourseError, match="its log does not say: nosuch"),
    ):
        running.wait_for("nosuch", limit=0.5)


def test_a_folder_with_a_space_and_an_accent(tmp_path):
    folder = tmp_path / "été and spaces"
    folder.mkdir()
    with process.run("pwd; sleep 600", cwd=folder, ready=process.says("spaces")):
        pass


def test_the_group_of_the_command_ends_with_it(tmp_path):
    command = "sh -c 'sleep 601 & sleep 602 & echo up; wait'"
    with process.run(command, cwd=tmp_path, ready=process.says("up")) as running:
        below = [child.pid for child in psutil.Process(running.pid).children(recursive=True)]
        assert len(below) >= 2
    wait_until(lambda: all(map(gone, below)), limit=5, what="their end")


# --- with a real kernel, a real worker and a real web server -------------------------------

CELL = """
import os
from workshop import begin
stage = begin("04")
web = stage.run("python manage.py runserver $PORT")
worker = stage.run("celery -A testing.workers worker --loglevel=info --concurrency=1")
from testing.workers import sum_number
stage.purge("celery")
sum_number.delay(5000, 5000)
worker.wait_for("received")
stage.until(ready=0, unacked=0)
with open(os.environ["FACTS"], "w") as facts:
    print(web.guard.pid, web.pid, worker.guard.pid, worker.pid, worker.log, file=facts)
"""


@pytest.fixture
def at_work(tmp_path, monkeypatch):
    """A kernel that has started a web server and a worker, which is in the middle of a task."""
    monkeypatch.setenv("FACTS", str(tmp_path / "facts"))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=by_clock(60))
    said = []
    reply = client.execute_interactive(CELL, timeout=by_clock(60), output_hook=said.append)
    assert reply["content"]["status"] == "ok", [
        m["content"] for m in said if m["msg_type"] == "error"
    ]
    *pids, log = (tmp_path / "facts").read_text().strip().split(" ", 4)
    yield manager, list(map(int, pids)), log
    client.stop_channels()
    if manager.is_alive():
        manager.shutdown_kernel(now=True)
    manager.cleanup_resources()
    client.context.destroy()
    Broker().ctl("purge_queue", "-p", login.VHOST, "celery", check=False)


def assert_all_end_warm(pids, log):
    """Web server and worker are gone, and the worker finished the task that it was at."""
    wait_until(lambda: all(map(gone, pids)), limit=20, what="the end of web server and worker")
    with open(log) as file:
        said = file.read()
    assert "Warm shutdown" in said
    assert "succeeded" in said and "25000000" in said


def test_shutdown_of_the_kernel_ends_all_warm(at_work):
    manager, pids, log = at_work
    manager.shutdown_kernel()
    assert_all_end_warm(pids, log)


def test_restart_of_the_kernel_ends_all_warm(at_work):
    manager, pids, log = at_work
    manager.restart_kernel()
    assert_all_end_warm(pids, log)


def test_sigkill_of_the_kernel_ends_all_warm(at_work):
    manager, pids, log = at_work
    os.kill(manager.provisioner.pid, signal.SIGKILL)
    assert_all_end_warm(pids, log)


def test_an_interrupt_of_the_kernel_ends_nothing(at_work):
    manager, pids, _ = at_work
    manager.interrupt_kernel()
    assert not any(map(gone, pids))


def test_another_notebook_ends_what_the_first_one_runs(at_work, monkeypatch):
    _, pids, log = at_work
    from workshop.lesson import lesson

    monkeypatch.chdir(stages.find("04").path)  # begin() stands in the stage's folder
    lesson.begin("03")
    assert_all_end_warm(pids, log)
