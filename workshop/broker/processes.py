"""The processes of a private node on this machine: which ones run, and how to end them."""

import contextlib
import time

import psutil

from workshop.broker.api import Api
from workshop.errors import CourseError
from workshop.machine.patience import Busy, NotYet, wait_until
from workshop.machine.process import is_over


class NotYours(CourseError):
    """The node runs, but another user started it: root, with `sudo make lab`."""

    def __init__(self, pid: int):
        user = "another user"
        with contextlib.suppress(psutil.Error):
            user = psutil.Process(pid).username()
        super().__init__(
            f"this checkout's broker (pid {pid}) was started by {user}: you may not look into it.",
            "sudo make stop; sudo chown -R $(id -un) .; make lab",
        )


# nodes that were seen with their ports open, and that have answered ever since
_answering: set[psutil.Process] = set()


class Processes(Api):
    """The node and its port mapper."""

    @property
    def pid(self) -> int | None:
        """The process of the node, if it lives."""
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            pid = int((self.folder / "pid").read_text())
            if self._is_node(psutil.Process(pid)):
                return pid
        # `rabbitmq-server -detached` writes no pid file
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.Error):
                if process.info["name"] == "beam.smp" and self._is_node(process):
                    return process.pid
        return None

    def _is_node(self, process: psutil.Process) -> bool:
        words = process.cmdline()
        return bool(self._names & set(words)) and "rabbit" in words  # -home FOLDER … -s rabbit boot

    @property
    def _names(self) -> set[str]:
        return {str(self.folder), str(self.way)}

    def is_ready(self) -> bool:
        """Both ports are open, and it is this node that holds them."""
        try:
            node = psutil.Process(self.pid or -1)
            if node not in _answering and not self._listens_on_its_ports(node):
                return False
        except (psutil.Error, ValueError):
            return False
        if self._api_answers():
            _answering.add(node)
            return True
        _answering.discard(node)
        return False

    def _listens_on_its_ports(self, node: psutil.Process) -> bool:
        doors = node.net_connections("tcp")
        held = {door.laddr.port for door in doors if door.status == psutil.CONN_LISTEN}
        ports = self.kept["ports"]
        return {ports["amqp"], ports["management"]} <= held

    def _epmds(self) -> list[psutil.Process]:
        """The port mapper daemons that this node's scripts left running."""
        found = []
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.Error):
                if process.info["name"] == "epmd" and process.environ().get("HOME") in self._names:
                    found.append(process)
        return found

    def wait_until_gone(self) -> None:
        """Return when the node's process has ended, after `rabbitmqctl stop`."""
        wait_until(lambda: self.pid is None, limit=30, what="the node's end")

    def stop(self) -> bool:
        """End the node and its epmd, and nothing else; False if neither was running."""
        pid = self.pid
        if pid:
            process = psutil.Process(pid)
            try:
                process.terminate()  # Erlang's own orderly stop
                wait_until(lambda: is_over(process), limit=20, what="its end", pid=pid)
            except (NotYet, Busy):
                self.kill()
            except psutil.AccessDenied:
                raise NotYours(pid) from None
        for epmd in self._epmds():
            epmd.terminate()
        return bool(pid)

    def kill(self) -> None:
        """SIGKILL the node, as a power cut would; its data stays."""
        pid = self.pid
        if pid:
            process = psutil.Process(pid)
            children = process.children(recursive=True)
            try:
                process.kill()
            except psutil.AccessDenied:
                raise NotYours(pid) from None
            wait_until(lambda: is_over(process), limit=10, what="the end of a killed node")
            for child in children:
                with contextlib.suppress(psutil.Error):
                    child.kill()

    def _end_orphan(self) -> dict[str, int]:
        """End a node whose folder was deleted under it; return its ports, which files name."""
        ports = {}
        with contextlib.suppress(psutil.Error, KeyError, ValueError):
            node = psutil.Process(self.pid or -1)
            if time.time() - node.create_time() < 2:  # another process of ours is starting it
                return {}
            told = node.environ()
            ports = {
                "amqp": int(told["RABBITMQ_NODE_PORT"]),
                "distribution": int(told["RABBITMQ_DIST_PORT"]),
                "epmd": int(told["ERL_EPMD_PORT"]),
            }
            for door in node.net_connections("tcp"):
                if door.status == psutil.CONN_LISTEN and door.laddr.port not in ports.values():
                    ports["management"] = door.laddr.port
        self.kill()
        for epmd in self._epmds():
            epmd.terminate()
            wait_until(lambda: is_over(epmd), limit=5, what="the end of epmd")  # noqa: B023
        return ports
