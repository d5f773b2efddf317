"""Every illness that the doctor knows is made here, and named; a check does not blame for it."""

import fcntl
import json
import multiprocessing
import os
import platform
import resource
import shutil
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import psutil
import pytest
from kombu import Connection, Queue

from workshop import checks, places, show
from workshop.broker import login
from workshop.broker.node import Broker, exclusive_check
from workshop.causes import likely_cause
from workshop.desk import prepare, progress, stages
from workshop.health import broker as the_broker
from workshop.health import course as the_course
from workshop.health import diagnosis, variables
from workshop.health import machine as the_machine
from workshop.health import workers as the_workers
from workshop.health.finding import Finding
from workshop.machine import cards, environment, process
from workshop.machine.patience import wait_until
from workshop.machine.process import card_folder
from workshop.report import NOT_TRIED


@pytest.fixture
def at(learner):
    """A function: the learner is at this stage, its files laid out and solved."""
    progress.file().unlink(missing_ok=True)

    def lay(number: str) -> stages.Stage:
        stage = stages.find(number)
        stages.solve(stage, port=Broker().port)
        prepare.replay(stage, Broker())
        progress.record_begun(stage)
        return stage

    yield lay
    progress.file().unlink(missing_ok=True)


def is_ill(finding: Finding, *words: str) -> bool:
    """Named, with why it matters and what to type."""
    assert finding.cure and finding.why, finding
    assert all(word in finding.found for word in words), finding
    return True


def test_a_machine_without_illness_is_fine(at, no_queues):
    found = diagnosis.doctor()
    assert found.right, str(found)
    assert len(found.findings) == len(diagnosis.EVERYTHING)


def test_the_doctor_in_a_terminal_as_lines_and_as_data(broker):
    command = [sys.executable, "-m", "workshop", "doctor"]
    env = {**os.environ, "CELERY_BROKER_URL": "redis://"}
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert said.returncode == 1
    assert "✗ variables" in said.stdout and "→ unset CELERY_BROKER_URL" in said.stdout
    data = json.loads(
        subprocess.run(
            [*command, "--json"], capture_output=True, text=True, check=False, env=env
        ).stdout
    )
    assert all(set(line) == {"name", "found", "why", "cure"} for line in data)


# --- the machine ---------------------------------------------------------------------------


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    is_ill(the_machine.python())


def test_a_package_of_another_version(tmp_path, monkeypatch):
    (tmp_path / "requirements.txt").write_text("celery==5.2.7\n")
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    is_ill(the_machine.packages(), "celery")


def test_a_checkout_with_windows_line_ends_is_named_and_no_learner_is_blamed(
    at, tmp_path, monkeypatch
):
    stage = at("01")
    assert not the_machine.line_ends().cure
    shutil.copytree(places.SOLUTIONS, tmp_path / "solutions")
    script = tmp_path / "solutions" / "01_broker" / "broker.sh"
    script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
    with monkeypatch.context() as patched:
        patched.setattr(places, "SOLUTIONS", tmp_path / "solutions")
        patched.setattr(places, "CHECKOUT", tmp_path)
        patched.setattr(places, "STEPS", tmp_path / "none")
        found = the_machine.line_ends()
    is_ill(found, "01_broker/broker.sh")
    monkeypatch.setattr(diagnosis, "VITAL", (lambda: found,))
    assert "Windows line endings" in checks.check(stage).machine_problems[0]


def test_another_kernel_of_the_same_name(tmp_path, monkeypatch):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    facts = {"argv": ["/usr/bin/python3", "-m", "ipykernel_launcher"], "display_name": "other"}
    (kernel / "kernel.json").write_text(json.dumps(facts))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    is_ill(the_machine.kernel(), "/usr/bin/python3")


@pytest.mark.parametrize("answer", [OSError("unknown"), [(2, 1, 6, "", ("10.0.0.7", 0))]])
def test_localhost_that_is_not_this_machine(monkeypatch, answer):
    def ask(*_):
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    is_ill(the_machine.names())


def test_localhost_by_ipv6_too_is_fine(monkeypatch):
    both = [(2, 1, 6, "", ("127.0.0.1", 0)), (10, 1, 6, "", ("::1", 0, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: both)
    assert not the_machine.names().cure


def test_a_variable_that_stands_in_front_of_the_settings(monkeypatch):
    monkeypatch.setitem(environment.AT_START, "DJANGO_SETTINGS_MODULE", "other.settings")
    is_ill(variables.environment(), "DJANGO_SETTINGS_MODULE")


def test_no_shared_memory(monkeypatch):
    def refuse():
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(multiprocessing, "Lock", refuse)
    is_ill(the_machine.pool(), "shared memory")


def test_windows_and_macos_get_their_advice(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    assert "--pool=solo" in the_machine.pool().cure
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert "--pool=solo" in the_machine.pool().found and not the_machine.pool().cure


def test_a_full_disk(monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=5 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    is_ill(the_machine.disk(), "5 MB")


def test_too_few_open_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        is_ill(the_machine.limits(), "256")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_no_inotify_instance_left(tmp_path, monkeypatch):
    limit = tmp_path / "max_user_instances"
    limit.write_text("0\n")
    monkeypatch.setattr(the_machine, "INOTIFY", limit)
    is_ill(the_machine.limits(), "inotify")


# --- the broker ----------------------------------------------------------------------------


def test_no_rabbitmq_on_the_machine(monkeypatch):
    monkeypatch.setattr(the_broker, "find_sbin", lambda: None)
    is_ill(the_broker.rabbitmq())


def test_a_broker_that_does_not_run(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path))
    for look in (the_broker.node, the_broker.alarms, the_broker.loopback, the_workers.waiting):
        is_ill(look(), "not running")


def test_an_old_rabbitmq(broker, monkeypatch):
    monkeypatch.setattr(the_broker, "version_of", lambda _: "3.8.2")
    is_ill(the_broker.node(), "3.8.2", "too old")


def test_versions_that_do_not_go_together():
    fine = {"celery": "5.7.0", "kombu": "5.7.0"}
    assert the_broker.misfit({**fine, "RabbitMQ": "4.3.0"}) is None
    assert "541" in the_broker.misfit({**fine, "celery": "5.5.3", "RabbitMQ": "4.3.1"})[1]
    assert "540" in the_broker.misfit({**fine, "kombu": "5.5.4", "RabbitMQ": "4.0.5"})[1]
    assert the_broker.misfit({"celery": "5.5.3", "kombu": "5.5.4", "RabbitMQ": "3.10.8"}) is None


def test_a_port_that_another_program_holds_is_named_with_its_holder(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path))
    port = Broker().port
    with socket.socket() as door:
        door.bind(("127.0.0.1", port))
        door.listen()
        is_ill(the_broker.ports(), str(port), f"(pid {os.getpid()})")


def test_a_broker_that_is_open_to_the_network(broker, monkeypatch):
    here = psutil.Process(broker.pid).net_connections("tcp")
    [door, *_] = [one for one in here if one.status == "LISTEN"]
    open_ = door._replace(laddr=door.laddr._replace(ip="0.0.0.0"))
    monkeypatch.setattr(psutil.Process, "net_connections", lambda *_: [open_])
    is_ill(the_broker.loopback(), "0.0.0.0")


def test_an_epmd_that_has_gone(broker):
    [epmd] = broker._epmds()
    epmd.kill()
    try:
        wait_until(lambda: the_broker.epmd().cure, limit=5, what="the missing epmd")
        is_ill(the_broker.epmd())
    finally:
        broker.stop()
        broker.start()


@pytest.fixture
def alarm(broker):
    """The broker thinks that it is short of memory."""
    broker.ctl("set_vm_memory_high_watermark", "0.0000001")
    wait_until(lambda: the_broker.alarms().cure, limit=15, what="the alarm")
    yield
    broker.ctl("set_vm_memory_high_watermark", "0.4")
    wait_until(lambda: not the_broker.alarms().cure, limit=15, what="the alarm's end")


def test_a_memory_alarm_is_named_and_no_learner_is_blamed_for_it(at, alarm):
    is_ill(the_broker.alarms(), "memory")
    stage = at("03")
    found = checks.check(stage)
    assert not found.passed and {item.state for item in found.items} == {NOT_TRIED}
    said = str(show.Shown(found))
    assert "something is wrong with this machine" in said and "short of memory" in said
    assert "make doctor" in said.splitlines()[-1]


def test_a_variable_in_the_way_is_not_the_learners_fault(at, monkeypatch):
    stage = at("03")
    monkeypatch.setitem(environment.AT_START, "CELERY_BROKER_URL", "amqp://elsewhere")
    found = checks.check(stage)
    assert "unset CELERY_BROKER_URL" in found.machine_problems[0]


# --- the course on it ------------------------------------------------------------------------


def test_a_user_a_vhost_or_rights_that_are_missing(at, broker):
    at("03")
    assert not the_course.rights().cure
    broker.ctl("clear_permissions", "-p", login.VHOST, login.USER)
    is_ill(the_course.rights(), "does not have all permissions")
    broker.remove("vhosts", login.VHOST)
    is_ill(the_course.rights(), "no vhost")
    broker.remove("users", login.USER)
    is_ill(the_course.rights(), "cannot log in")
    at("03")
    assert not the_course.rights().cure


def test_a_worker_of_an_older_stage_on_the_same_queue(at):
    old = at("03")
    ready = process.says(r" ready\.")
    command = "celery -A testing.workers worker --loglevel=info"
    with process.run(command, cwd=old.desk, ready=ready) as worker:
        shown = the_workers.running_workers()
        assert not shown.cure and f"pid {worker.pid}, stage 03, vhost /vhost" in shown.found
        at("04")
        is_ill(the_workers.running_workers(), f"pid {worker.pid} of stage 03", "at stage 04")
        assert the_workers.running_workers().cure == f"kill {worker.pid}"


def worker_began(pid: int) -> float:
    return psutil.Process(pid).create_time()


def test_a_worker_that_is_older_than_the_code_is_named_and_stop_does_not_hide_it(at):
    stage = at("03")
    command = "celery -A testing.workers worker --loglevel=info"
    with process.run(command, cwd=stage.desk, ready=process.says(r" ready\.")) as worker:
        assert not the_workers.running_workers().cure
        assert worker.pid in [one.pid for one in the_workers.strays()]
        later = worker_began(worker.pid) + 10
        os.utime(stage.desk / "testing/workers.py", (later, later))
        is_ill(the_workers.running_workers(), f"pid {worker.pid} started before")
    assert not the_workers.strays()


def test_messages_that_nobody_takes(at, broker, no_queues):
    at("03")
    assert not the_workers.waiting().cure
    with login.connect(broker) as connection:
        connection.Producer().publish("x", routing_key="celery", declare=[Queue("celery")])
    wait_until(lambda: the_workers.waiting().cure, limit=5, what="the message")
    is_ill(the_workers.waiting(), "1 in celery")
    broker.ctl("delete_queue", "-p", login.VHOST, "celery")


def test_what_a_killed_check_left_on_the_broker_is_cleared_once_no_check_lives(broker):
    left, named_so = "check-0badcafe", "check-list"
    broker.make_vhost(left, "guest")
    with Connection(f"amqp://guest:guest@localhost:{broker.port}//") as connection:
        for name in (left, named_so):
            connection.Producer().publish("x", routing_key=name, declare=[Queue(name)])
    with exclusive_check(broker) as alone:
        assert alone
    for name in (left, named_so):
        assert (name in broker.queues("/")) == (name == named_so)
    assert broker.facts("vhosts", left) is None

    broker.make_vhost(left, "guest")
    with (broker.folder / "check.lock").open("w") as lock:  # a check is at work
        fcntl.flock(lock, fcntl.LOCK_EX)
        diagnosis.doctor()
        assert broker.facts("vhosts", left)
    diagnosis.doctor()
    assert broker.facts("vhosts", left) is None
    broker.remove("queues", "/", named_so)


def test_what_a_crashed_kernel_left(tmp_path):
    # it does not end when it is told to, so that its guard is still there to be seen
    (tmp_path / "stubborn.sh").write_text("trap : TERM\necho on\nwhile :; do sleep 1; done\n")
    code = (
        "import os\nfrom pathlib import Path\nfrom workshop.machine import process\n"
        f"run = process.run('sh stubborn.sh', cwd=Path({str(tmp_path)!r}), "
        "ready=process.says('on'))\nos.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    [left] = [one for one in cards.running() if not one.owner_lives]
    try:
        is_ill(the_course.leftovers(), "stubborn.sh", str(left.guard.pid))
    finally:
        for child in left.guard.children(recursive=True):
            child.send_signal(signal.SIGKILL)
        left.wait()
    assert not the_course.leftovers().cure
    assert card_folder().exists()


def test_processes_of_another_user_are_never_a_raw_error(broker, monkeypatch):
    def refuse(self, *_, **__):
        raise psutil.AccessDenied(self.pid)

    for name in ("net_connections", "cwd", "environ"):
        monkeypatch.setattr(psutil.Process, name, refuse)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        assert the_broker.holder(door.getsockname()[1]) == "another user's program"
    for look in diagnosis.EVERYTHING:
        found = diagnosis._look(look)
        assert "AccessDenied" not in f"{found.found} {found.why}", found
    is_ill(the_broker.loopback(), "another user's")


def test_a_busy_machine_is_named_with_what_keeps_it_busy_and_is_no_illness(monkeypatch):
    monkeypatch.setattr(the_machine, "load_per_core", lambda: 4.0)
    found = the_machine.load()
    assert "busy: 4 programs compete for each of" in found.found and "(pid " in found.found
    assert not found.cure
    monkeypatch.setattr(the_machine, "load_per_core", lambda: 1.0)
    assert "time to spare" in the_machine.load().found


def test_a_look_that_fails_is_said_and_hides_no_other(monkeypatch):
    def broken():
        raise KeyError("oops")

    found = diagnosis._look(broken)
    assert "oops" in found.found and found.cure


def test_the_cause_of_a_sign_in_the_password_and_of_another_workers_queue():
    with pytest.raises(ValueError) as error:
        _ = urlsplit("amqp://learner:ses#ame@localhost:5672//vhost").port
    assert "%23 is #" in likely_cause(str(error.value))[1]
    said = (
        "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'celery' in vhost "
        "'/vhost': received none but current is the value '9' of type 'signedint'"
    )
    cause, look = likely_cause(said)
    assert "a worker of another stage or project" in cause and "make doctor" in look
