"""A private node: ready when it says so, on loopback alone, and gone when it is stopped."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from kombu import Connection, Queue

from workshop.broker import login
from workshop.broker.config import FIRST_PORTS
from workshop.broker.node import Broker
from workshop.errors import CourseError
from workshop.health import broker as the_broker
from workshop.machine.patience import wait_until
from workshop.machine.ports import is_taken, next_free

PATH = "o'brien's été; `\"$HOME\"` & 한글"


@pytest.fixture
def another(tmp_path):
    """A second node, ended with the test."""
    broker = Broker(tmp_path / PATH / ".rabbitmq")
    yield broker
    broker.kill()
    broker.stop()
    broker.way.unlink(missing_ok=True)


def doors(process: psutil.Process) -> set[str]:
    return {
        door.laddr.ip
        for door in process.net_connections("inet")
        if door.status == psutil.CONN_LISTEN
    }


def test_start_says_whether_it_had_to(broker):
    assert broker.is_ready()
    assert broker.start() is False


def test_everything_listens_on_loopback_alone(broker):
    node = psutil.Process(broker.pid)
    assert doors(node) == {"127.0.0.1"}
    [epmd] = broker._epmds()
    assert doors(epmd) <= {"127.0.0.1", "::1"}


def test_rabbitmqctl_as_the_guide_types_it_speaks_to_this_node(broker):
    path = f"{broker.bin}{os.pathsep}{os.environ['PATH']}"
    said = subprocess.run(
        "rabbitmqctl -q eval 'node().'",
        shell=True,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert broker.node in said.stdout


def test_queue_figures_are_exact_at_once(broker):
    address = f"amqp://guest:guest@localhost:{broker.port}//"
    queue = Queue("exact", durable=True)
    with Connection(address) as connection:
        channel = connection.channel()
        producer = connection.Producer(channel)  # one channel: what is sent on it stays in order
        queue(channel).delete()
        for number in range(50):
            producer.publish(number, routing_key="exact", declare=[queue] if number == 0 else None)
        queue(channel).queue_declare(passive=True)  # a round trip: all have arrived
        assert broker.queues("/")["exact"] == {"ready": 50, "unacked": 0, "total": 50}
        queue(channel).get()
        queue(channel).queue_declare(passive=True)
        assert broker.queues("/")["exact"] == {"ready": 49, "unacked": 1, "total": 50}
        queue(channel).delete()
    assert "exact" not in broker.queues("/")


def test_a_queue_of_anybodys_vhost_is_removed_and_no_right_is_left(broker):
    rights = broker.facts("permissions")
    with Connection(f"amqp://guest:guest@localhost:{broker.port}//") as connection:
        Queue("anybodys")(connection.channel()).declare()
    broker.remove("queues", "/", "anybodys")
    broker.remove("queues", "/", "never-there")
    assert "anybodys" not in broker.queues("/")
    assert broker.facts("permissions") == rights


def test_two_nodes_side_by_side_the_second_in_a_path_of_every_kind_of_letter(broker, another):
    first_pid = broker.pid
    assert another.start()
    assert another.is_ready() and broker.is_ready()
    ports = another.kept["ports"].values()
    assert set(ports).isdisjoint(broker.kept["ports"].values())
    assert all(is_taken(port) for port in ports)

    assert another.stop()
    assert broker.pid == first_pid and broker.is_ready()
    assert broker.ctl("list_vhosts")
    wait_until(lambda: not any(map(is_taken, ports)), limit=5, what="the ports, free again")
    assert another._epmds() == []
    assert another.stop() is False


def test_a_half_written_folder_is_mended_and_a_killed_node_keeps_its_data(another):
    """Cut off while its facts were written, and in its first boot; later killed."""
    another.folder.mkdir(parents=True)
    (another.folder / "node.json").write_text('{"name": "cour')
    (another.folder / "data").mkdir()
    (another.folder / "data" / another.node).write_bytes(b"torn")
    assert another.start()
    assert not list(another.folder.glob("data-*"))

    another.ctl("add_user", "somebody", "secret")
    another.kill()
    assert another.pid is None
    assert another.start()
    assert login.can_log_in(another, "somebody", "secret")
    assert not login.can_log_in(another, "somebody", "wrong")


def test_bad_data_is_set_aside_a_taken_port_moved_on_from_and_both_are_said(another, capsys):
    (another.folder / "data").mkdir(parents=True)
    (another.folder / "data" / another.node).write_bytes(b"torn")
    (another.folder / "booted").touch()
    with socket.socket() as intruder:
        intruder.bind(("127.0.0.1", next_free(another.kept["ports"]["amqp"])))
        intruder.listen()
        taken = intruder.getsockname()[1]
        another.keep(ports={**another.kept["ports"], "amqp": taken})
        assert another.start()
    said = capsys.readouterr().out
    assert another.port != taken
    assert f"port {taken} (amqp) is taken by another program" in said
    assert "set aside as .rabbitmq/data-" in said
    [aside] = another.folder.glob("data-*")
    assert (aside / another.node).read_bytes() == b"torn"


def test_a_node_whose_port_was_taken_while_its_application_was_stopped_moves_on(another):
    another.start()
    another.ctl("stop_app")
    with socket.socket() as intruder:
        intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        intruder.bind(("127.0.0.1", another.kept["ports"]["management"]))
        intruder.listen()
        assert another.start()
        assert another.is_ready()


CANNOT_READ = """Error during startup: {error,
                          {cannot_read_file,
                              "data/course-27637e77@localhost/cluster_nodes.config",
                              {1,erl_parse,["syntax error before: ",[]]}}}"""


@pytest.mark.parametrize(
    ("said", "is_unreadable"),
    [
        (CANNOT_READ, True),
        ("error:{badmatch,{error,{normal,{mnesia_app,start,[normal,[]]}}}}", True),
        ("  Starting broker...Killed", False),
        ("{cannot_read_file,data/cluster_nodes.config,eacces}", False),
        ("ERROR: distribution port 25772 in use by another node", False),
        ("", False),
    ],
)
def test_data_that_booted_is_good_until_the_node_says_otherwise(tmp_path, said, is_unreadable):
    broker = Broker(tmp_path)
    for name in ("data", "log"):
        (tmp_path / name).mkdir()
    (tmp_path / "booted").touch()
    (tmp_path / "log" / "boot.log").write_text(said)
    assert broker._set_data_aside() == is_unreadable
    assert (tmp_path / "data").exists() != is_unreadable


@pytest.mark.parametrize("reason", ["enotdir", "eacces"])
def test_why_rabbitmq_4_could_not_create_a_folder_is_read_in_its_own_log(tmp_path, reason):
    broker = Broker(tmp_path)
    for name in ("data", "log"):
        (tmp_path / name).mkdir()
    (tmp_path / "booted").touch()
    (tmp_path / "log" / "boot.log").write_text(
        'Error during startup: {error,\n{{error,\n"Ra could not create its data directory. See the '
        'log for details."},'
    )
    line = "[error] Failed to create Ra data directory at '/x', file system operation error: {}\n"
    other = {"enotdir": "eacces", "eacces": "enotdir"}[reason]  # what an earlier boot has written
    broker.log.write_text(line.format(other) + line.format(reason) + "[error]   pid: <0.223.0>\n")
    assert broker._set_data_aside() == (reason == "enotdir")


def test_a_node_that_does_not_start_is_tried_once_and_the_doctor_says_why(
    tmp_path, monkeypatch, request
):
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path))
    monkeypatch.setattr(the_broker, "_failure", None)
    broker = Broker()
    request.addfinalizer(broker.stop)
    (broker.folder / "data" / "mail").mkdir(parents=True)
    (broker.folder / "booted").touch()
    tried = []

    def launch(self):
        tried.append(self)
        (self.folder / "log" / "boot.log").write_text("Error during startup: {error,sun_spots}")
        return subprocess.Popen(["false"])

    monkeypatch.setattr(Broker, "_launch", launch)
    the_broker.start()
    found = the_broker.node()
    assert len(tried) == 1
    assert "sun_spots" in found.why and "boot.log" in found.cure and "make lab" not in found.cure
    assert (broker.folder / "data" / "mail").exists()


def test_a_folder_that_was_deleted_under_its_node_gets_the_same_ports(another):
    another.start()
    wait_until(
        lambda: time.time() - psutil.Process(another.pid).create_time() > 2, limit=5, what="its age"
    )
    ports = another.kept["ports"]
    shutil.rmtree(another.folder)
    assert another.kept["ports"] == ports
    assert another.pid is None and not another._epmds()


def test_a_node_of_another_user_is_said_to_be_so(tmp_path, monkeypatch):
    """As after `sudo make lab`."""

    def refuse(self, *_, **__):
        raise psutil.AccessDenied(self.pid)

    for name in ("terminate", "kill", "net_connections"):
        monkeypatch.setattr(psutil.Process, name, refuse)
    with subprocess.Popen(["sleep", "60"]) as other:
        monkeypatch.setattr(Broker, "pid", property(lambda _: other.pid))
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        broker = Broker(tmp_path)
        for do in (broker.start, broker.stop, broker.kill):
            with pytest.raises(CourseError, match=r"was started by .*\n.*sudo make stop"):
                do()
        other.kill()


def test_the_first_ports_are_those_of_the_guide():
    assert FIRST_PORTS["amqp"] == 5672 and FIRST_PORTS["management"] == 15672


def test_the_courses_eyes_come_back_when_they_were_deleted(broker):
    broker.ctl("delete_user", "workshop")
    broker.ctl("stop_app")
    broker.start()
    assert broker.facts("whoami")["name"] == "workshop"


def test_a_user_who_may_not_use_the_vhost_can_still_log_in(broker):
    broker.ctl("add_user", "homeless", "secret", check=False)
    assert login.can_log_in(broker, "homeless", "secret")
    broker.ctl("delete_user", "homeless")


def test_the_cookie_is_the_nodes_own(broker):
    cookie = broker.folder / ".erlang.cookie"
    assert cookie.is_file()
    assert oct(cookie.stat().st_mode & 0o077) == "0o0"
    assert not str(cookie).startswith(str(Path.home() / ".erlang"))
