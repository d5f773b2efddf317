"""Is this machine ready? Each fact is looked at now; what is wrong comes with a cure."""

import contextlib
import importlib.metadata
import platform
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

import psutil
from packaging.requirements import Requirement

from workshop import places
from workshop.binaries import find_sbin
from workshop.broker import Broker
from workshop.errors import CourseError

FREE_MB = 300


@dataclass(frozen=True)
class Finding:
    """One fact: `cure` is empty where it is as it should be."""

    name: str
    found: str
    cure: str = ""


def python() -> Finding:
    fine = sys.version_info >= (3, 11)
    return Finding(
        "Python", platform.python_version(), "" if fine else "install Python 3.11, 3.12 or 3.13"
    )


def packages() -> Finding:
    """Every version that requirements.txt locks is the one installed."""
    other = []
    for line in (places.CHECKOUT / "requirements.txt").read_text().splitlines():
        if "==" in line and not line.lstrip().startswith("#"):
            locked = Requirement(line)
            if locked.marker and not locked.marker.evaluate():
                continue
            if not is_installed(locked):
                other.append(locked.name)
    subject = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("celery", "kombu", "django")
    )
    if other:
        return Finding("packages", f"not as locked: {', '.join(other)}", "rm -r .venv; make lab")
    return Finding("packages", f"as locked: {subject}")


def is_installed(locked: Requirement) -> bool:
    try:
        return locked.specifier.contains(importlib.metadata.version(locked.name), True)
    except importlib.metadata.PackageNotFoundError:
        return False


def rabbitmq() -> Finding:
    place = find_sbin()
    cure = "" if place else "make lab"
    return Finding("RabbitMQ", "installed" if place else "not on this machine", cure)


def node() -> Finding:
    broker = Broker()
    if not broker.is_ready():
        return Finding("broker", "not running", "make lab")
    version = broker.facts("overview")["rabbitmq_version"]
    if tuple(map(int, version.split(".")[:2])) < (3, 10):
        return Finding("broker", f"RabbitMQ {version} is too old", "install 3.10 or later")
    return Finding("broker", f"RabbitMQ {version} runs, on localhost:{broker.port}")


def alarms() -> Finding:
    """A broker short of memory or disk takes no messages."""
    broker = Broker()
    if not broker.is_ready():
        return Finding("alarms", "the broker is not running", "make lab")
    nodes = broker.facts("nodes")
    short = {"mem_alarm": "memory", "disk_free_alarm": "disk"}
    raised = [name for alarm, name in short.items() if any(node.get(alarm) for node in nodes)]
    if raised:
        what = " and ".join(raised)
        return Finding("alarms", f"the broker is short of {what}", "make room: free; df -h .")
    return Finding("alarms", "none: the broker has memory and disk")


def loopback() -> Finding:
    """Everything that the broker opens is on a loopback address."""
    broker = Broker()
    pid = broker.pid
    if pid is None:
        return Finding("listening", "the broker is not running", "make lab")
    doors = [
        door.laddr.ip
        for door in psutil.Process(pid).net_connections("tcp")
        if door.status == psutil.CONN_LISTEN
    ]
    other = sorted({ip for ip in doors if ip not in ("127.0.0.1", "::1")})
    if other:
        where = ", ".join(other)
        return Finding("listening", f"the broker is open on {where}", "make stop; make lab")
    return Finding("listening", "on this machine alone")


def names() -> Finding:
    """`localhost` means this machine."""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo("localhost", None)}
    except OSError:
        addresses = set()
    if not addresses & {"127.0.0.1", "::1"}:
        return Finding(
            "localhost",
            "does not resolve to this machine",
            "add the line `127.0.0.1 localhost` to /etc/hosts",
        )
    return Finding("localhost", "is this machine")


def disk() -> Finding:
    free = shutil.disk_usage(places.home()).free // 2**20
    if free < FREE_MB:
        return Finding("disk", f"{free} MB free", "make room: df -h .")
    return Finding("disk", "has room")


EVERYTHING: tuple[Callable[[], Finding], ...] = (
    python,
    packages,
    rabbitmq,
    node,
    loopback,
    alarms,
    names,
    disk,
)


class Diagnosis(list):
    """All findings; drawn as lines."""

    @property
    def is_fine(self) -> bool:
        return not any(finding.cure for finding in self)

    def __repr__(self) -> str:
        lines = []
        for finding in self:
            lines.append(f"{'✗' if finding.cure else '✓'} {finding.name:<10} {finding.found}")
            if finding.cure:
                lines.append(f"             → {finding.cure}")
        return "\n".join(lines)


def doctor() -> Diagnosis:
    """Start the broker if that can be done, look at everything, and say what was found."""
    with contextlib.suppress(CourseError, OSError):
        Broker().start()
    return Diagnosis(look() for look in EVERYTHING)
