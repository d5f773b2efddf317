"""A private RabbitMQ node for this checkout.

It has its own node name, cookie, epmd port and data, all under `.rabbitmq/`. It runs as the
user who starts it, from the installed scripts, on loopback only. It knows nothing of
stages or Django.
"""

import atexit
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator

import psutil

from workshop.broker.config import FIRST_PORTS
from workshop.broker.processes import NotYours, Processes
from workshop.errors import CourseError
from workshop.machine import tally
from workshop.machine.files import locked
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.ports import claim, is_taken, published_ports

BOOT_SECONDS = 60
# What a node that cannot read its data writes last (3.10 and 4.0), unless access is denied.
UNREADABLE = re.compile(
    "cannot_create_mnesia_dir|cannot_read_file|file_read_error|erl_parse|mnesia_app,start|"
    "not_a_log_file|not_a_dets_file|needs_repair|bad_object|corrupt|schema_integrity_check_failed|"
    "failed_to_cluster_with|file system operation error: enotdir"
)
FORBIDDEN = re.compile("eacces|eperm|enospc|erofs|emfile")
# In this case, RabbitMQ 4 writes the reason to its own log only.
RA_FAILED = "Ra could not create its data directory"
RA_REASON = re.compile("Failed to create Ra data directory .*")


# A node outlives the object, and usually the process, that started it.
_detached: list[subprocess.Popen] = []


@atexit.register
def _leave_alone() -> None:
    """Mark them as not waited for: otherwise, Python would warn about each."""
    for process in _detached:
        process.returncode = process.poll() or 0


class Broker(Processes):
    """The node whose data is in `folder`. Cheap to make: nothing runs until `start`."""

    def start(self) -> bool:
        """Start the node and wait until it is ready; False if it was ready already.

        Raises CourseError, with the log's last lines, when it does not come up.
        """
        self._link_plain_path()  # first: files in /tmp may be deleted under a running node
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
            self._ensure_admin_user()
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock"):
            yield

    def _start_app(self) -> None:
        """Start RabbitMQ in a node that runs after `rabbitmqctl stop_app`, or wait for its boot."""
        with contextlib.suppress(CourseError):  # Erlang itself may not be up yet
            self.ctl("start_app")
        age = time.time() - psutil.Process(self.pid).create_time()
        with contextlib.suppress(NotYet):
            wait_until(self.is_ready, limit=max(10.0, 15 - age), what="an answer")
            return
        # another program has its port by now, or it is stuck between two states
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
                continue  # another program was quicker: try the next ports
            if not (had_data and self._set_data_aside()):
                break
        raise CourseError(
            "RabbitMQ did not start. Its last words:\n" + self._last_words(),
            f"the whole log: less {shlex.quote(str(self.folder / 'log' / 'boot.log'))}",
        )

    def _start_epmd(self) -> None:
        """Start Erlang's port mapper for this node only: a shared one ends with another's node.

        If no `epmd` is found, Erlang starts one itself.
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
        _detached.append(process)
        return process

    def _move_ports(self) -> None:
        """Keep this checkout's ports; replace those that someone else holds, and print that."""
        facts = self.kept
        keep = {"epmd"} if self._epmds() else set()
        ports = claim(self.folder, FIRST_PORTS, facts["ports"], keep)
        for use, port in facts["ports"].items():
            if ports[use] != port and use not in published_ports():
                print(f"· port {port} ({use}) is taken by another program: {ports[use]} it is")
        if ports != facts["ports"]:
            self._keep({**facts, "ports": ports})
            self._http = None

    def _set_data_aside(self) -> bool:
        """Make room for new data if the old cannot be used; return whether that was so.

        A node that was killed during its first boot leaves such data. Data that has booted once
        is good until the node itself reports that it cannot read it: there may be another
        reason why it does not start.
        """
        data = self.folder / "data"
        if not (self.folder / "booted").exists():
            shutil.rmtree(data)
            return True
        with contextlib.suppress(OSError):
            said = (self.folder / "log" / "boot.log").read_text(errors="replace")
            if RA_FAILED in said:  # the last reason there is this boot's
                said += "".join(RA_REASON.findall(self.log.read_text(errors="replace"))[-1:])
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

    def wait_until_ready(self) -> None:
        """Return when the node answers, after `rabbitmq-server -detached`."""
        wait_until(self.is_ready, limit=BOOT_SECONDS, what="the broker")

    def restart_app(self) -> None:
        """`rabbitmqctl stop_app` and `start_app` in one, without a wait of five seconds.

        When RabbitMQ stops, a part of its management plugin (rabbit_mgmt_db_handler) asks
        Erlang's application controller, which is waiting for RabbitMQ to stop, and gives up
        after five seconds, as the stacks of both show in 3.10.8. Here that part goes first;
        the start brings it back.
        """
        forget = "gen_event:delete_handler(rabbit_event, rabbit_mgmt_db_handler, [])"
        self.ctl("eval", f"{forget}, rabbit:stop(), rabbit:start().")
        self.start()


@contextlib.contextmanager
def exclusive_check(broker: Broker, wait: bool = True) -> Iterator[bool]:
    """Allow one check at a time: each moves the broker's users and vhosts aside and restores them.

    The one that gets in knows that no other check runs, and clears what a killed one left behind.
    Without `wait`, this yields False and clears nothing if another check is running.
    """
    with locked(broker.folder / "check.lock", wait) as alone:
        if alone:
            broker.clear(re.compile("check-[0-9a-f]{8}"))
            # of a run of pytest that was killed: see conftest.py of stage 17
            broker.clear(re.compile("test-[0-9a-f]{8}"), even_in_use=False)
        yield alone
