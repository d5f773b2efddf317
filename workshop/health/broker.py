"""The broker: is it there, ours, on this machine only, and has it room?"""

import contextlib
import importlib.metadata

import httpx
import psutil
from packaging.version import Version

from workshop.broker.binaries import find_sbin
from workshop.broker.config import FIRST_PORTS
from workshop.broker.node import Broker, NotYours
from workshop.broker.versions import version_of
from workshop.errors import CourseError
from workshop.health.finding import REINSTALL, Finding
from workshop.machine import process
from workshop.machine.ports import is_taken


def rabbitmq() -> Finding:
    place = find_sbin()
    if place is None:
        return Finding(
            "RabbitMQ", "not on this machine", "Without it there is no broker.", "make lab"
        )
    return Finding("RabbitMQ", "installed")


_failure: CourseError | OSError | None = None  # of the last attempt to start the broker


def without_broker(name: str) -> Finding:
    """A finding that is impossible while the broker is down."""
    why, cure = "Nothing can be sent or received.", "make lab"
    if _failure:  # trying again would fail in the same way
        why = getattr(_failure, "cause", str(_failure)) if name == "broker" else why
        other = isinstance(_failure, PermissionError)  # what root made here
        cure = "sudo chown -R $(id -un) .; make lab" if other else getattr(_failure, "cure", cure)
    return Finding(name, "the broker is not running", why, cure)


def start() -> None:
    global _failure
    _failure = None
    broker = Broker()
    try:
        broker.start()
    except (CourseError, OSError) as error:
        _failure = error
    except httpx.HTTPStatusError:  # the lines about the broker report that
        pass


def node() -> Finding:
    broker = Broker()
    if not broker.is_ready():
        return without_broker("broker")
    version = version_of(broker)
    if Version(version) < Version("3.10"):
        return Finding(
            "broker",
            f"RabbitMQ {version} is too old",
            "The lessons need RabbitMQ 3.10 or later.",
            "install 3.10 or later",
        )
    return Finding("broker", f"RabbitMQ {version} is running on localhost:{broker.port}")


def versions() -> Finding:
    """Celery, kombu and RabbitMQ go together."""
    broker = Broker()
    found = {name: importlib.metadata.version(name) for name in ("celery", "kombu")}
    if broker.is_ready():
        found["RabbitMQ"] = version_of(broker)
    trouble = misfit(found)
    if trouble:
        what, why = trouble
        return Finding("versions", what, why, REINSTALL)
    return Finding("versions", ", ".join(f"{name} {v}" for name, v in found.items()))


def misfit(found: dict[str, str]) -> tuple[str, str] | None:
    """Which two do not go together, and what follows from that; None if all of them do."""
    version = {name: Version(number) for name, number in found.items()}
    rabbit = version.get("RabbitMQ", Version("0"))
    if rabbit >= Version("4.3") and version["celery"] < Version("5.7"):
        return (
            f"celery {found['celery']} with RabbitMQ {found['RabbitMQ']}",
            "A worker fails when it starts, with (541) INTERNAL_ERROR.",
        )
    if rabbit >= Version("4") and version["kombu"] < Version("5.7"):
        return (
            f"kombu {found['kombu']} with RabbitMQ {found['RabbitMQ']}",
            "Quorum queues fail with 540 NOT_IMPLEMENTED … global qos.",
        )
    return None


def ports() -> Finding:
    """This checkout's ports, and who holds RabbitMQ's usual one where it is not ours."""
    broker = Broker()
    ours = broker.kept["ports"]
    if not broker.pid:
        held = {use: port for use, port in ours.items() if use != "epmd" and is_taken(port)}
        if held:
            who = ", ".join(f"{port} ({use}): {holder(port)}" for use, port in held.items())
            return Finding(
                "ports",
                f"held by other programs: {who}",
                "The broker uses the next free ports, but your files name the old ones.",
                "make lab, then compare the port in your files with the one that `begin` shows",
            )
    shown = f"AMQP {ours['amqp']}, management {ours['management']}"
    usual = FIRST_PORTS["amqp"]
    if ours["amqp"] != usual:
        other = f"; {usual} is held by {holder(usual)}" if is_taken(usual) else ""
        return Finding("ports", f"{shown} (not the usual {usual}{other})")
    return Finding("ports", shown)


def holder(port: int) -> str:
    """Who listens on a port: name and process id, as far as this user may know."""
    for one in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.holds(one.pid, port, below=False):
                return f"{one.info['name']} (pid {one.pid})"
    return "another user's program"


def loopback() -> Finding:
    """Everything that the broker opens is on a loopback address."""
    broker = Broker()
    pid = broker.pid
    if pid is None:
        return without_broker("listening")
    try:
        found = psutil.Process(pid).net_connections("tcp")
    except psutil.AccessDenied:
        error = NotYours(pid)
        return Finding("listening", "the broker is another user's", error.cause, error.cure)
    doors = [door.laddr.ip for door in found if door.status == psutil.CONN_LISTEN]
    other = sorted({ip for ip in doors if ip not in ("127.0.0.1", "::1")})
    if other:
        return Finding(
            "listening",
            f"the broker is open on {', '.join(other)}",
            "Other machines on your network can reach it.",
            "make stop; make lab",
        )
    return Finding("listening", "on this machine only")


def epmd() -> Finding:
    """Erlang's port mapper, by which rabbitmqctl finds the node."""
    broker = Broker()
    port = broker.kept["ports"]["epmd"]
    if broker.pid and not is_taken(port):
        return Finding(
            "epmd",
            f"nothing answers on {port}",
            "rabbitmqctl cannot find the broker, although it is running.",
            "make stop; make lab",
        )
    return Finding("epmd", f"on port {port}" if broker.pid else "starts with the broker")


def alarms() -> Finding:
    """A broker short of memory or disk takes no messages."""
    broker = Broker()
    try:
        nodes = broker.facts("nodes")
    except CourseError:
        return without_broker("alarms")
    short = {"mem_alarm": "memory", "disk_free_alarm": "disk"}
    raised = [name for alarm, name in short.items() if any(node.get(alarm) for node in nodes)]
    if raised:
        what = " and ".join(raised)
        return Finding(
            "alarms",
            f"the broker is short of {what}",
            "It accepts no messages until it has room, so a program that sends one has to wait.",
            "make room (free -m; df -h .), then: make stop; make lab",
        )
    return Finding("alarms", "none: the broker has enough memory and disk space")
