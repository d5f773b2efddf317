"""Workers that run on the course's queues, and the messages that wait there without one."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from workshop import places
from workshop.broker import login
from workshop.broker.node import Broker
from workshop.desk import progress, stages
from workshop.health.broker import without_broker
from workshop.health.finding import Finding

DELAYED = "celery_delayed_"  # messages wait there until it is time; no worker takes from these


@dataclass(frozen=True)
class Worker:
    """A Celery worker on this checkout's broker, no matter who started it."""

    pid: int
    folder: str
    vhost: str
    began: float
    supervised: bool = False

    @property
    def is_older_than_its_code(self) -> bool:
        files = Path(self.folder).glob("*/*.py")
        # the system reports a process's start only to the second
        return any(file.stat().st_mtime > self.began + 2 for file in files)

    @property
    def stage(self) -> str:
        """The stage in whose folder it runs, or ""."""
        parts = Path(self.folder).parts
        return next((s.number for s in stages.all_stages() if s.name in parts), "")


def worker_processes() -> Iterator[psutil.Process]:
    """The main processes of Celery workers of this user, their pools' children left out."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            above = one.parent()
            if _is_worker(one) and not (above and _is_worker(above)):
                yield one


def _is_worker(one: psutil.Process) -> bool:
    words = one.cmdline()
    return "worker" in words and any("celery" in word for word in words)


def workers() -> Iterator[Worker]:
    """The workers that hold a connection to the broker; those of a running check left out."""
    broker = Broker()
    if not broker.is_ready():
        return
    vhosts: dict[str, str] = {}
    for one in worker_processes():
        with contextlib.suppress(psutil.Error):
            if any(word.startswith("--hostname=check-") for word in one.cmdline()):
                continue
            mine = [
                door.laddr.port
                for door in one.net_connections("tcp")
                if door.raddr and door.raddr.port == broker.port
            ]
            if mine and not vhosts:  # exact, where the management API lags by seconds
                vhosts = dict(broker.rows("list_connections", "peer_port", "vhost"))
            vhost = next((vhosts[str(port)] for port in mine if str(port) in vhosts), "")
            if vhost:
                parent = one.parent()
                supervised = "supervisord" in " ".join(parent.cmdline() if parent else [])
                yield Worker(one.pid, one.cwd(), vhost, one.create_time(), supervised)


def running_workers() -> Finding:
    """Which workers take messages: their stage and vhost; none should be of an older stage."""
    found, at = list(workers()), progress.last_begun()
    shown = [f"pid {w.pid}, stage {w.stage or '?'}, vhost {w.vhost}" for w in found]
    stale = [w for w in found if at and w.vhost == login.VHOST and w.stage != at.number]
    if at and stale:
        whose = "; ".join(
            f"pid {w.pid} of {'stage ' + w.stage if w.stage else w.folder}" for w in stale
        )
        return Finding(
            "workers",
            f"you are at stage {at.number}, but another worker is running: {whose}",
            "It takes messages from the same queue, and runs them with its older code.",
            f"kill {' '.join(str(w.pid) for w in stale)}",
        )
    old = [w for w in found if w.is_older_than_its_code]
    if old:
        return Finding(
            "workers",
            f"pid {old[0].pid} started before a file of its project was saved",
            "A worker reads the code once, when it starts, so it runs its tasks with the old code.",
            "in its folder: supervisorctl restart all"
            if old[0].supervised
            else f"kill {' '.join(str(w.pid) for w in old)}; then start it again",
        )
    return Finding("workers", "; ".join(shown) or "none")


def strays() -> list[psutil.Process]:
    """Workers that run in this checkout's desk but were not started by one of its notebooks."""
    found = []
    for one in worker_processes():
        with contextlib.suppress(psutil.Error):
            if Path(one.cwd()).is_relative_to(places.desk()):
                found.append(one)
    return found


def waiting() -> Finding:
    """Messages in the vhost's queues that nobody takes."""
    broker = Broker()
    if not broker.is_ready():
        return without_broker("messages")
    waits = {
        name: queue["ready"]
        for name, queue in broker.queues(login.VHOST).items()
        if queue["ready"] and not name.startswith(("check-", DELAYED))
    }
    for queue, _ in broker.rows("list_consumers", "-p", login.VHOST) if waits else ():
        waits.pop(queue, None)
    if waits:
        shown = ", ".join(f"{count} in {name}" for name, count in waits.items())
        at = progress.last_begun()
        app = (at and at.app) or "testing.workers"
        return Finding(
            "messages",
            f"{shown}, and no worker takes them",
            "Nothing happens, and nothing is lost: they wait.",
            f"in the stage's folder: celery -A {app} worker --loglevel=info",
        )
    return Finding("messages", "none waits without a worker")
