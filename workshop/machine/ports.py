"""Ports for this checkout: kept for it, free, and not those of another checkout.

The ports of each of this user's checkouts are recorded in one file (`ledger`), so that two of
them never take the same port, even while one of them has its broker stopped.
"""

import contextlib
import json
import os
import socket
from collections.abc import Collection, Iterator
from pathlib import Path

from workshop.machine.files import locked, write_whole


def is_taken(port: int) -> bool:
    """Whether anything on this machine listens on `port` at a loopback address."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(1)
            if probe.connect_ex((address, port)) == 0:
                return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def next_free(port: int, avoid: Collection[int] = ()) -> int:
    """The first port from `port` up that nobody holds."""
    while port in avoid or is_taken(port):
        port += 1
    return port


def free_port() -> int:
    """A port that nobody holds now, picked at random by the system."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def published_ports() -> dict[str, int]:
    """The ports that COURSE_PORTS names ("lab=8888 web=8000"): those that a container publishes.

    A port has the same number inside and outside, so that an address means the same on both sides.
    """
    words = os.environ.get("COURSE_PORTS", "").split()
    return {use: int(port) for use, _, port in (word.partition("=") for word in words)}


def proxied_at(port: int) -> str:
    """The path at which Jupyter itself forwards to `port`, on a hub; "" if there is none.

    It is jupyter-server-proxy's "absolute" one: the program behind it sees the whole path.
    """
    hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    return f"{hub}proxy/absolute/{port}" if hub else ""


def address(port: int, path: str = "/") -> str:
    """Where a browser finds what listens on `port`: on this machine, or behind a hub's Jupyter."""
    return (proxied_at(port) or f"http://127.0.0.1:{port}") + path


def claim(
    folder: Path, first: dict[str, int], kept: dict[str, int], keep: Collection[str] = ()
) -> dict[str, int]:
    """A port for each use: the kept one if it is free, else the next free one from the first up.

    `keep` names uses whose kept port is held by this checkout itself. A port that `told` returns
    is both the first and the kept one. The answer is recorded for `folder`.
    """
    fixed = {use: port for use, port in published_ports().items() if use in first}
    first, kept = {**first, **fixed}, {**kept, **fixed}
    with _ledger() as claims:
        others = {port for path, ports in claims.items() if path != str(folder) for port in ports}
        ports: dict[str, int] = {}
        for use, start in first.items():
            port = kept.get(use, start)
            if use not in keep and (port in others or is_taken(port)):
                port = next_free(start, others | set(ports.values()))
            ports[use] = port
        claims[str(folder)] = sorted(ports.values())
    return ports


def ledger() -> Path:
    """The file in which the checkouts of this user have their ports."""
    # expanduser, unlike Path.home, has an answer for a user without a home
    cache = os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~"), ".cache")
    return Path(cache) / "celery-django-course" / "ports.json"


@contextlib.contextmanager
def _ledger() -> Iterator[dict[str, list[int]]]:
    """The claims, locked while they are in use; those of folders that are gone are dropped."""
    file = ledger()
    with contextlib.ExitStack() as stack:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(file.with_suffix(".lock")))
        except OSError:  # no home to write to: then each checkout only looks at what listens
            yield {}
            return
        try:
            claims = json.loads(file.read_text())
        except (OSError, ValueError):
            claims = {}
        claims = {path: ports for path, ports in claims.items() if Path(path).exists()}
        yield claims
        write_whole(file, json.dumps(claims, indent=1))
