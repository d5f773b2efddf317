"""A second broker, which can be killed. The learner's own broker and its messages are untouched."""

import contextlib
import os
import shlex
import shutil
import subprocess
import uuid
from functools import cache
from pathlib import Path

import psutil

from workshop import places
from workshop.broker import login
from workshop.broker.node import Broker
from workshop.machine import process


class SpareNode(Broker):
    """A node that ends with this process, as every command of a notebook does."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self._started: list[process.Running] = []

    def _launch(self) -> subprocess.Popen:
        (self.folder / "pid").unlink(missing_ok=True)
        server = process.run(
            shlex.quote(str(self.bin / "rabbitmq-server")),
            cwd=self.folder,
            ready=lambda running: True,
            name="second-broker",
            grace=0,  # while it boots, it starts an epmd of its own as soon as ours is gone
        )
        self._started.append(server)
        return server.guard

    def _start_epmd(self) -> None:
        if not self._epmds() and shutil.which("epmd"):
            epmd = process.run(
                "trap '' TERM; exec epmd",  # it goes last, with SIGKILL: see _launch
                cwd=self.folder,
                ready=lambda running: bool(self._epmds()),
                env=self.environment(),
                name="second-epmd",
                grace=0.2,
            )
            self._started.append(epmd)

    def _last_words(self) -> str:
        """Also what the server printed: an unknown line in rabbitmq.conf is named there."""
        printed = self._started[-1].text().splitlines()[-12:] if self._started else []
        lines = [f"    {line}" for line in printed if line.strip()]
        return "\n".join([super()._last_words(), *lines])

    def end(self) -> None:
        """SIGKILL the node, and stop the processes that belong to it."""
        self.kill()
        self.stop()
        while self._started:
            self._started.pop().stop()

    def _admit_learner(self) -> None:
        user = {"password": login.PASSWORD, "tags": ""}
        self.api.put(f"/api/users/{login.USER}", json=user).raise_for_status()
        self.make_vhost(login.VHOST, login.USER)


def folder_for_this_process(name: str) -> Path:
    """A folder in the desk for this process's spare nodes; removes those of ended processes."""
    folder = places.desk() / name / str(os.getpid())
    for old in folder.parent.glob("*"):
        if not (old.name.isdigit() and psutil.pid_exists(int(old.name))):
            shutil.rmtree(old, ignore_errors=True)
    return folder


class SecondBroker(SpareNode):
    """A single node in `desk/.second`, with the learner's user and vhost."""

    def __init__(self):
        super().__init__(folder_for_this_process(".second"))
        self.vhost = login.VHOST

    def start(self) -> bool:
        folder_for_this_process(".second")  # this object may have been created long ago
        try:
            new = super().start()
            if new:
                self._admit_learner()
        except BaseException:  # nothing else would stop what has started so far
            self.end()
            raise
        return new

    def flush_to_disk(self) -> None:
        """Write users, vhosts and queues to disk, so that they survive when the node is killed.

        Otherwise, a quorum queue that was declared a moment before never gets a leader again, and
        nothing that is published to it is confirmed (RabbitMQ 3.10.8: three times out of three).
        """
        self.ctl("eval", "mnesia:sync_log().", check=False)

    def empty(self) -> None:
        """Remove every vhost and everything in it, and create the learner's again."""
        for vhost in self.facts("vhosts"):
            if vhost["name"] != "/":
                self.remove("vhosts", vhost["name"])
        for tables in self.folder.glob("*.sqlite3*"):
            tables.unlink()
        self._admit_learner()

    def raise_alarm(self) -> None:
        """Make the node think that it is short of memory, so it reads nothing that is published."""
        self.ctl("set_vm_memory_high_watermark", "0.000001")

    def clear_alarm(self) -> None:
        self.ctl("set_vm_memory_high_watermark", "0.4")


@cache
def this_process_broker() -> SecondBroker:
    """This process's second broker, shared by all callers, since what it started ends with it."""
    return SecondBroker()


@contextlib.contextmanager
def second_broker():
    """The second broker, running; stopped and removed afterward if it was not running before.

    Call `settle` before killing it. `broker.vhost` is a vhost that has never existed before, since
    a quorum queue that is declared again while the old one of that name is still being deleted
    may be "down" after the next SIGKILL (seen with RabbitMQ 3.10.8, about once in thirty kills).
    """
    broker = this_process_broker()
    new, before = broker.start(), broker.vhost
    broker.vhost = f"drill-{uuid.uuid4().hex[:8]}"
    broker.make_vhost(broker.vhost, login.USER)
    try:
        yield broker
    finally:
        broker.vhost = before
        if new:
            broker.end()
            shutil.rmtree(broker.folder, ignore_errors=True)
