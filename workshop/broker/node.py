"""A private RabbitMQ node for this checkout.

Own node name, cookie, epmd port and data, all under `.rabbitmq/`; started as the
user who asks, from the installed scripts; on loopback alone. It knows nothing of
stages, nor of Django.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator

import psutil

from workshop.broker.api import Api
from workshop.broker.config import FIRST_PORTS
from workshop.errors import CourseError
from workshop.machine import tally
from workshop.machine.files import locked
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.ports import claim, is_taken, told
from workshop.machine.process import is_over

BOOT_SECONDS = 60
# What a node that cannot read its data says at its end (3.10 and 4.0); unless it may not.
UNREADABLE = re.compile(
    "cannot_create_mnesia_dir|cannot_read_file|file_read_error|erl_parse|mnesia_app,start|"
    "not_a_log_file|not_a_dets_file|needs_repair|bad_object|corrupt|schema_integrity_check_failed|"
    "failed_to_cluster_with"
)
FORBIDDEN = re.compile("eacces|eperm|enospc|erofs|emfile")


# A node outlives the object, and mostly the process, that started it.
_outliving: list[subprocess.Popen] = []


class NotYours(CourseError):
    """The node is there, and another user started it: root, with `sudo make lab`."""

    def __init__(self, pid: int):
        user = "another user"
        with contextlib.suppress(psutil.Error):
            user = psutil.Process(pid).username()
        super().__init__(
            f"this checkout's broker (pid {pid}) was started by {user}: you may not look into it.",
            "sudo make stop; sudo chown -R $(id -un) .; make lab",
        )


# nodes that were seen with their doors open, and that have answered ever since
_open: set[psutil.Process] = set()


class Broker(Api):
    """The node whose data is in `folder`. Cheap to make: nothing runs until `start`."""

    def _end_orphan(self) -> dict[str, int]:
        """End a node whose folder was deleted under it; its ports, which files name already."""
        ports = {}
        with contextlib.suppress(psutil.Error, KeyError, ValueError):
            node = psutil.Process(self.pid or -1)
            if time.time() - node.create_time() < 2:  # another process of ours starts it just now
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
        """Both doors are open, and it is this node that holds them."""
        try:
            node = psutil.Process(self.pid or -1)
            if node not in _open and not self._holds_its_doors(node):
                return False
        except (psutil.Error, ValueError):
            return False
        if self._api_answers():
            _open.add(node)
            return True
        _open.discard(node)
        return False

    def _holds_its_doors(self, node: psutil.Process) -> bool:
        doors = node.net_connections("tcp")
        held = {door.laddr.port for door in doors if door.status == psutil.CONN_LISTEN}
        ports = self.kept["ports"]
        return {ports["amqp"], ports["management"]} <= held

    def start(self) -> bool:
        """Start the node and wait until it is ready; False if it was ready already.

        Raises CourseError, with the log's last lines, when it does not come up.
        """
        self._make_way()  # before the look: what is in /tmp may be cleared away under a node
        if self.is_ready():
            return False
        with self._alone():
            if self.is_ready():
                return False
            if self.pid and psutil.Process(self.pid).uids().real != os.getuid():
                raise NotYours(self.pid)
            self._write()
            if self.pid:
                self._start_app()
            else:
                self._boot()
            self._admit_eyes()
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock"):
            yield

    def _start_app(self) -> None:
        """The node lives but `rabbitmqctl stop_app` was said, or it is still booting."""
        with contextlib.suppress(CourseError):  # Erlang itself may not be up yet
            self.ctl("start_app")
        age = time.time() - psutil.Process(self.pid).create_time()
        with contextlib.suppress(NotYet):
            wait_until(self.is_ready, limit=max(10.0, 15 - age), what="an answer")
            return
        # its port is another program's by now, or it is stuck between two states
        self.kill()
        self._boot()

    def _boot(self) -> None:
        for _ in range(5):
            had_data = any((self.folder / "data").glob("*"))
            self._move_ports()
            self._start_epmd()
            self._write()
            tally.started("broker")
            process = self._launch()
            with contextlib.suppress(NotYet):
                wait_until(
                    lambda: self.is_ready() or process.poll() is not None,  # noqa: B023
                    limit=BOOT_SECONDS,
                    what="the broker",
                )
            if self.is_ready():
                (self.folder / "booted").touch()
                return
            self.kill()
            if any(
                is_taken(self.kept["ports"][use]) for use in ("amqp", "management", "distribution")
            ):
                continue  # another program was quicker: the next ports
            if not (had_data and self._set_data_aside()):
                break
        raise CourseError(
            "RabbitMQ did not start. Its last words:\n" + self._last_words(),
            f"the whole log: less {shlex.quote(str(self.folder / 'log' / 'boot.log'))}",
        )

    def _start_epmd(self) -> None:
        """Erlang's port mapper, the node's own: one that is shared ends with another's node.

        Where there is no `epmd` to be found, Erlang starts one itself.
        """
        if self._epmds() or not shutil.which("epmd"):
            return
        subprocess.run(
            ["epmd", "-daemon"], env=self.environment(), capture_output=True, check=False
        )
        with contextlib.suppress(NotYet):
            wait_until(self._epmds, limit=2, what="epmd")

    def _launch(self) -> subprocess.Popen:
        (self.folder / "pid").unlink(missing_ok=True)
        with (self.folder / "log" / "boot.log").open("wb") as log:
            process = subprocess.Popen(
                [str(self.bin / "rabbitmq-server")],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=self.way,
            )
        _outliving.append(process)
        return process

    def _move_ports(self) -> None:
        """Keep this checkout's ports; move on from those that someone else holds, and say so."""
        facts = self.kept
        keep = {"epmd"} if self._epmds() else set()
        ports = claim(self.folder, FIRST_PORTS, facts["ports"], keep)
        for use, port in facts["ports"].items():
            if ports[use] != port and use not in told():
                print(f"· port {port} ({use}) is taken by another program: {ports[use]} it is")
        if ports != facts["ports"]:
            self._keep({**facts, "ports": ports})
            self._http = None

    def _set_data_aside(self) -> bool:
        """Make room for new data where the old cannot be used: whether it was so.

        A node that was cut off while it first booted leaves such data. What has booted before
        is good until the node itself says that it cannot read it: it may well not start for
        another reason.
        """
        data = self.folder / "data"
        if not (self.folder / "booted").exists():
            shutil.rmtree(data)
            return True
        with contextlib.suppress(OSError):
            said = (self.folder / "log" / "boot.log").read_text(errors="replace")
            if UNREADABLE.search(said) and not FORBIDDEN.search(said):
                aside = self.folder / f"data-{time.strftime('%Y%m%d-%H%M%S')}"
                data.rename(aside)
                print(f"· the broker's data could not be read: set aside as .rabbitmq/{aside.name}")
                return True
        return False

    def _last_words(self) -> str:
        words = []
        for log in (self.folder / "log" / "boot.log", self.log):
            with contextlib.suppress(OSError):
                words += log.read_text(errors="replace").splitlines()[-8:]
        return "\n".join(f"    {line}" for line in words if line.strip())

    def stop(self) -> bool:
        """End the node and its epmd, and nothing else; False if neither was running."""
        pid = self.pid
        if pid:
            process = psutil.Process(pid)
            try:
                process.terminate()  # Erlang's own orderly stop
                wait_until(lambda: is_over(process), limit=20, what="its end", pid=pid)
            except NotYet:
                self.kill()
            except psutil.AccessDenied:
                raise NotYours(pid) from None
        for epmd in self._epmds():
            epmd.terminate()
        return bool(pid)

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

    def wait_until_ready(self) -> None:
        """Return when the node answers, after `rabbitmq-server -detached`."""
        wait_until(self.is_ready, limit=BOOT_SECONDS, what="the broker")

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

    def restart_app(self) -> None:
        """`rabbitmqctl stop_app` and `start_app` in one, without a wait of five seconds.

        When RabbitMQ stops, a part of its management plugin (rabbit_mgmt_db_handler) asks
        Erlang's application controller, which is waiting for RabbitMQ to stop, and gives up
        after five seconds: seen in 3.10.8 by the stacks of both. Here that part goes first;
        the start brings it back.
        """
        forget = "gen_event:delete_handler(rabbit_event, rabbit_mgmt_db_handler, [])"
        self.ctl("eval", f"{forget}, rabbit:stop(), rabbit:start().")
        self.start()


@contextlib.contextmanager
def dead_checks_cleared(broker: Broker, wait: bool = True) -> Iterator[bool]:
    """One check at a time: each sets the broker's users and vhosts aside and puts them back.

    Whoever gets in knows that no other check lives, and clears what one that was killed left.
    Without `wait` False, and nothing is cleared, where another is at work.
    """
    with locked(broker.folder / "check.lock", wait) as alone:
        if alone:
            broker.clear(re.compile("check-[0-9a-f]{8}"))
        yield alone
