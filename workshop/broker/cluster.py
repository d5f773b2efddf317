"""Three brokers that work as one and can be killed. The learner's own broker is untouched."""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

from workshop.broker import login
from workshop.broker.config import FIRST_PORTS
from workshop.broker.spare import SpareNode, folder_for_this_process
from workshop.errors import CourseError
from workshop.machine.balancer import balanced
from workshop.machine.files import write_whole
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.ports import claim

NAMES = ("one", "two", "three")
NODE_MIB = 150  # resident memory of a node: 118 to 148 MiB with RabbitMQ 3.10 and 4.0
SPARE_MIB = 150  # for everything else that runs in the meantime
FORMING_SECONDS = 20  # once each of them is ready


class Member(SpareNode):
    """One node of a cluster. `more` contains lines for its rabbitmq.conf."""

    def __init__(self, folder: Path, more: str):
        super().__init__(folder)
        self._more = more

    def _configuration(self) -> str:
        return super()._configuration() + self._more

    def _start_epmd(self) -> None:
        """Do nothing: all nodes of the cluster share one epmd."""

    def _move_ports(self) -> None:
        """Keep them, because the other nodes know this one by its ports."""


class Cluster:
    """Three nodes in `desk/.cluster`, which end with this process."""

    def __init__(self, configuration: str):
        """`configuration` is the lines for rabbitmq.conf that let the nodes find each other."""
        self.folder = folder_for_this_process(".cluster")
        self.vhost = login.VHOST
        self.balancer = 0  # the port of the one address for all nodes
        self._stack = contextlib.ExitStack()
        self.nodes = [Member(self.folder / name, configuration) for name in NAMES]

    def start(self) -> None:
        """Start all three at once, and wait until each of them sees the others.

        Raises CourseError if this machine has too little memory, or if they do not find each other.
        """
        expect_memory(len(NAMES) * NODE_MIB + SPARE_MIB)
        try:
            try:
                self._boot(at_once=True)
            except CourseError:  # RabbitMQ 3.10: nodes may collide, on a busy machine
                self._end_nodes()
                self._boot(at_once=False)
            wait_until(self._admits_learner, limit=60, what="the vhost on all nodes")
            ports = [node.port for node in self.nodes]
            self.balancer = self._stack.enter_context(balanced(ports))
        except BaseException:
            self.end()
            raise

    def _boot(self, at_once: bool) -> None:
        """Start new nodes, at the same time or one after another, until they are one cluster."""
        self._lay_out()
        SpareNode._start_epmd(self.nodes[0])  # one for all
        for group in [self.nodes] if at_once else [[node] for node in self.nodes]:
            self.start_nodes(*group)
        self._wait_until_whole()

    @property
    def environment(self) -> dict[str, str]:
        """What makes a project use the cluster: the addresses of the balancer and of all nodes."""
        return {
            "BROKER_URL": login.url_at(self.balancer, self.vhost),
            "BROKER_URLS": ";".join(map(self.address, self.nodes)),
        }

    def _lay_out(self) -> None:
        """Make each node a folder, with its ports and what all share: cookie, epmd, password."""
        cookie, password = secrets.token_hex(16), secrets.token_urlsafe(12)
        epmd = 0
        for node, name in zip(self.nodes, NAMES, strict=True):
            node.folder.mkdir(parents=True)
            ports = claim(node.folder, FIRST_PORTS, {})
            epmd = epmd or ports["epmd"]
            node._keep({"name": name, "password": password, "ports": {**ports, "epmd": epmd}})
            write_whole(node.folder / ".erlang.cookie", cookie, mode=0o400)

    def start_nodes(self, *nodes: Member) -> None:
        """Start these nodes at the same time; return when they are ready."""
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(Member.start, nodes))

    def _wait_until_whole(self) -> None:
        try:
            wait_until(self.is_whole, limit=FORMING_SECONDS, what="the cluster")
        except NotYet:
            raise CourseError(
                "the three brokers are running, but they have not found each other.",
                "compare rabbitmq.conf with the solution: workshop diff",
            ) from None

    def _admits_learner(self) -> bool:
        """Create the learner's user and vhost; return False while a node is still starting."""
        try:
            self.nodes[0]._admit_learner()
        except (CourseError, httpx.HTTPStatusError):
            return False
        return True

    def is_whole(self) -> bool:
        """Whether each node sees all three running."""
        return all(self._running(node) == len(NAMES) for node in self.nodes)

    @staticmethod
    def _running(node: Member) -> int:
        return sum(1 for one in node.facts("nodes") or () if one["running"])

    def restore(self) -> None:
        """Start the nodes that were killed, and wait until all three form one cluster again."""
        if away := [node for node in self.nodes if not node.pid]:
            self.start_nodes(*away)
        wait_until(self.is_whole, limit=60, what="all three nodes")

    @property
    def alive(self) -> list[Member]:
        return [node for node in self.nodes if node.pid]

    def address(self, node: Member) -> str:
        return login.url(node, self.vhost)

    def leader(self, queue: str) -> Member:
        """The node that leads a queue, which is the only one that reports what is in it."""
        for node in self.alive:
            with contextlib.suppress(CourseError):
                found = node.facts("queues", self.vhost, queue)
                name = (found or {}).get("leader") or (found or {}).get("node", "")
                for one in self.alive:
                    if one.node == name:
                        return one
        raise CourseError(f"no running node leads the queue {queue}.")

    def end(self) -> None:
        """SIGKILL all nodes; nothing of them is left."""
        try:
            self._stack.close()
        finally:
            self._end_nodes()

    def _end_nodes(self) -> None:
        for node in self.nodes:
            node.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def expect_memory(mib: int) -> None:
    """Raise CourseError if this machine does not have this much free memory."""
    free = psutil.virtual_memory().available // 2**20
    if free < mib:
        raise CourseError(
            f"three brokers need about {mib} MB of memory, but only {free} MB is free.",
            "close other programs, or read the saved outputs of this lesson on GitHub",
        )


@contextlib.contextmanager
def cluster(configuration: str) -> Iterator[Cluster]:
    """A cluster that runs until the block ends."""
    found = Cluster(configuration)
    found.start()
    try:
        yield found
    finally:
        found.end()
