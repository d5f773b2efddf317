"""The private Redis: killed as often as a drill likes, and installed where that is allowed."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from workshop import places
from workshop.broker import redis as module
from workshop.broker.redis import Redis, find_server, installed_server, this_process_redis
from workshop.errors import CourseError
from workshop.machine import packages
from workshop.machine.patience import wait_until

needs_redis = pytest.mark.skipif(
    not (find_server() or packages.may_install() is not None or os.environ.get("CI")),
    reason="Redis is not on this machine, and installing it needs a right that is not given here",
)


@pytest.fixture
def server():
    server = Redis()
    yield server
    server.stop()


@pytest.fixture
def nowhere(monkeypatch):
    """A machine without Redis."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(module, "PLACES", ())


@needs_redis
def test_it_answers_when_it_has_started_and_counts_the_messages_of_a_queue(server):
    assert server.start() is True
    assert server.answers() and server.is_running
    assert server.call("PING") is True
    assert server.start() is False, "it is running already"
    server.call("RPUSH", "sums", "one", b"\xff")
    assert server.length("sums") == 2 and server.length("receipts") == 0
    assert server.call("LRANGE", "sums", 0, -1) == ["one", r"\xff"]
    server.call("RPUSH", "sums", "one", db=1)
    assert server.length("sums", db=1) == 1
    server.empty()
    assert server.length("sums") == server.length("sums", db=1) == 0


@needs_redis
def test_it_listens_on_the_loopback_only_and_writes_no_snapshots(server):
    server.start()
    doors = psutil.Process(server.pid).net_connections("tcp")
    listening = [tuple(door.laddr) for door in doors if door.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", server.port)]
    assert server.url() == f"redis://127.0.0.1:{server.port}/0"
    assert server.url(2).endswith("/2")
    assert server.call("CONFIG GET", "save") == {"save": ""}


@needs_redis
def test_a_kill_loses_everything_unless_it_keeps_its_data(server):
    for persistent in (False, True):
        server.start(persistent)
        before, pid = server.url(), server.pid
        server.call("RPUSH", "sums", *range(1000))
        server.kill()
        assert not psutil.pid_exists(pid) and server.pid is None and not server.answers()
        server.start(persistent)
        assert server.url() == before
        assert server.length("sums") == (1000 if persistent else 0)
        server.stop()
    server.start(persistent=True)
    assert server.length("sums") == 1000, "an orderly stop persistent it, too"
    with pytest.raises(CourseError, match="already running, with persistent=True"):
        server.start()
    server.stop()
    server.start()
    server.stop()
    server.start(persistent=True)
    assert server.length("sums") == 0, "a start without it has deleted what was kept"


@needs_redis
def test_a_command_to_one_that_does_not_run_names_the_next_thing_to_do(server):
    with pytest.raises(CourseError, match=r"does not answer.*Connection refused"):
        server.length("sums")


@needs_redis
def test_a_port_that_another_program_has_taken_in_the_meantime_is_named(server):
    with socket.create_server(("127.0.0.1", server.port)):
        with pytest.raises(CourseError, match=f"another program listens on port {server.port}"):
            server.start()
        assert not server.is_running
        assert Redis().port != server.port
    assert server.start()


@needs_redis
def test_it_ends_with_the_process_that_started_it():
    installed_server()  # prints a line if there was none
    code = (
        "from workshop.broker.redis import this_process_redis; server = this_process_redis(); "
        "server.start(); print(server.pid, flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child.stdin, child.stdout:
        pid = int(child.stdout.readline())
        folder = places.desk() / ".redis" / str(child.pid)
        assert folder.exists()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    wait_until(lambda: not psutil.pid_exists(pid), limit=20, what="Redis's end")
    Redis()
    assert not folder.exists(), "what a dead process left is cleared"


def test_one_process_has_one():
    assert this_process_redis() is this_process_redis()


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_it_is_found_on_path_and_in_the_usual_places(nowhere, monkeypatch, tmp_path, name):
    assert find_server() is None
    program = tmp_path / name
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == str(program)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(module, "PLACES", (str(tmp_path),))
    assert find_server() == str(program)
    other = tmp_path / "redis-server"
    other.touch(mode=0o755)
    assert find_server() == str(other), "Redis comes before Valkey"


@pytest.mark.parametrize(
    ("platform", "apt", "cure"),
    [
        ("linux", "/usr/bin/apt-get", "sudo apt-get install redis-server"),
        ("darwin", None, "brew install redis"),
        ("linux", None, "install your system's package `valkey` or `redis`"),
    ],
)
def test_without_it_and_without_the_right_to_install_it(
    nowhere, monkeypatch, server, platform, apt, cure
):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages.shutil, "which", lambda name, path=None: path is None and apt)
    monkeypatch.setattr(packages, "may_install", lambda: None)
    with pytest.raises(CourseError) as error:
        server.start()
    assert error.value.cause.startswith("redis-server is not on this machine")
    assert error.value.cure == cure


def test_it_is_installed_if_there_is_none(nowhere, monkeypatch, tmp_path):
    def install(package: str, cure: str) -> None:
        (tmp_path / package).touch(mode=0o755)

    monkeypatch.setattr(packages, "install", lambda package, cure: None)
    with pytest.raises(CourseError, match="in none of the usual places"):
        installed_server()
    monkeypatch.setattr(packages, "install", install)
    monkeypatch.setattr(module, "PLACES", (str(tmp_path),))
    assert installed_server() == str(tmp_path / "redis-server")
