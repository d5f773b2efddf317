"""A private RabbitMQ node for this checkout.

Own node name, cookie, epmd port and data, all under `.rabbitmq/`; started as the
user who asks, from the installed scripts; on loopback alone. It knows nothing of
stages, nor of Django.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil

from workshop import environment, places, tally
from workshop.binaries import SCRIPTS, find_sbin
from workshop.errors import CourseError
from workshop.patience import NotYet, by_clock, run_through, wait_until
from workshop.ports import claim, is_taken, told
from workshop.process import is_over

# Asked for first. RabbitMQ's own defaults, but for epmd and distribution: those of a
# RabbitMQ that is here already (4369, 25672) are left to it.
FIRST_PORTS = {"amqp": 5672, "management": 15672, "distribution": 25772, "epmd": 4469}
BOOT_SECONDS = 60
# A path that RabbitMQ can use as it is, and where links to others are; no longer than it must
# be, and the same in every shell.
PLAIN = re.compile(r"[A-Za-z0-9 /._+@=-]+")
LINKS = Path("/tmp") / f"celery-django-course-{os.getuid()}"
# What a node that cannot read its data says at its end (3.10 and 4.0); unless it may not.
UNREADABLE = re.compile(
    "cannot_create_mnesia_dir|cannot_read_file|file_read_error|erl_parse|mnesia_app,start|"
    "not_a_log_file|not_a_dets_file|needs_repair|bad_object|corrupt|schema_integrity_check_failed|"
    "failed_to_cluster_with"
)
FORBIDDEN = re.compile("eacces|eperm|enospc|erofs|emfile")
# What the shell may tell RabbitMQ and Erlang, meant for another node.
FOREIGN = ("RABBITMQ_", "ERL_", "ELIXIR_", "LC_")
UNSET = f"unset $(env | sed -nE 's/^(({'|'.join(FOREIGN)})[A-Za-z0-9_]*)=.*/\\1/p')\n"
# A quorum queue tells its figures when it ticks, every five seconds by default: a lesson that
# waits for a message to be there, and each check, would wait as long.
ADVANCED = "[{rabbit, [{quorum_tick_interval, 500}]}].\n"
# The course's own eyes on the broker, so that the learner may do what they like with guest.
EYES = "workshop"


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


class Broker:
    """The node whose data is in `folder`. Cheap to make: nothing runs until `start`."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder or places.broker()
        self._http: httpx.Client | None = None
        self._door: tuple[str, str] | None = None

    # --- what is kept for this checkout -------------------------------------------------

    @property
    def kept(self) -> dict:
        """Node name, ports and the password of the course's eyes; made on first use."""
        try:
            return json.loads((self.folder / "node.json").read_text())
        except (OSError, ValueError):
            self.folder.mkdir(parents=True, exist_ok=True)
            return self._keep(
                {
                    "name": f"course-{hashlib.sha1(str(self.folder).encode()).hexdigest()[:8]}",
                    "password": secrets.token_urlsafe(12),
                    "ports": claim(self.folder, FIRST_PORTS, self._end_orphan()),
                }
            )

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

    def _keep(self, facts: dict) -> dict:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        new = self.folder / f"node.json.{os.getpid()}"
        new.write_text(json.dumps(facts, indent=1))
        new.replace(self.folder / "node.json")
        return facts

    def keep(self, **facts) -> None:
        """Keep more facts for this checkout, beside the node's own."""
        self._keep({**self.kept, **facts})

    @property
    def node(self) -> str:
        return f"{self.kept['name']}@localhost"

    @property
    def port(self) -> int:
        """The AMQP port."""
        return self.kept["ports"]["amqp"]

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.kept['ports']['management']}"

    @property
    def way(self) -> Path:
        """The folder as RabbitMQ is told of it: behind a link, where its own path is not plain.

        RabbitMQ 3.10 puts the path into quotes of its own when it asks `df`, so that one more
        quote ends them, and its management plugin cannot write a letter beyond Latin-1.
        """
        if PLAIN.fullmatch(str(self.folder)):
            return self.folder
        return LINKS / hashlib.sha1(str(self.folder).encode(errors="surrogateescape")).hexdigest()

    def _make_way(self) -> None:
        way = self.way
        if way == self.folder or (way.is_symlink() and way.readlink() == self.folder):
            return
        LINKS.mkdir(mode=0o700, exist_ok=True)
        if LINKS.is_symlink() or LINKS.stat().st_uid != os.getuid():
            raise CourseError(
                f"RabbitMQ cannot work below {self.folder}, and {LINKS} is another user's.",
                "move this checkout to a folder whose path is letters and digits alone",
            )
        new = way.with_name(f"{way.name}.{os.getpid()}")
        new.symlink_to(self.folder)
        new.replace(way)

    @property
    def bin(self) -> Path:
        """The folder whose `rabbitmqctl` and `rabbitmq-server` speak to this node alone."""
        return self.folder / "bin"

    @property
    def log(self) -> Path:
        return self.folder / "log" / f"{self.node}.log"

    # --- starting and stopping ----------------------------------------------------------

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

    def _api_answers(self) -> bool:
        try:
            return self.api.get("/api/whoami").status_code in (200, 401)
        except httpx.HTTPError:
            return False

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
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
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

    # --- the node's own commands ----------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """The variables that make RabbitMQ's scripts speak to this node, on loopback alone."""
        return {
            **{k: v for k, v in environment.clean().items() if not k.startswith(FOREIGN)},
            **self._own_variables(),
        }

    def _own_variables(self) -> dict[str, str]:
        folder, ports = self.way, self.kept["ports"]
        return {
            "HOME": str(folder),  # the cookie's place
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(ports["distribution"]),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # one scheduler: a command is over in half a second, and has nothing to share out
            "RABBITMQ_CTL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_SECONDS": "0",  # a node that cannot start says so at once
        }

    def _write(self) -> None:
        """Configuration and shims, written anew at every start."""
        sbin = find_sbin()
        if sbin is None:
            raise CourseError("RabbitMQ is not on this machine.", "make lab")
        for sub in ("bin", "log", "data"):
            (self.folder / sub).mkdir(parents=True, exist_ok=True)
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (self.folder / "rabbitmq.conf").write_text(
            "management.tcp.ip = 127.0.0.1\n"
            f"management.tcp.port = {self.kept['ports']['management']}\n"
            "log.file.level = info\n"
        )
        (self.folder / "advanced.config").write_text(ADVANCED)
        exports = "".join(
            f"export {name}={shlex.quote(value)}\n" for name, value in self._own_variables().items()
        )
        for name in SCRIPTS:
            shim = self.bin / name
            new = shim.with_suffix(f".{os.getpid()}")
            new.write_text(
                "#!/bin/sh\n# this checkout's private node, and no other\n"
                f'{UNSET}{exports}exec {shlex.quote(f"{sbin}/{name}")} "$@"\n'
            )
            new.chmod(0o755)
            new.replace(shim)
            self._link(shim)

    def _link(self, shim: Path) -> None:
        """Whoever activates this checkout's .venv has its rabbitmqctl, and no other, too."""
        venv = places.CHECKOUT / ".venv" / "bin"
        if self.folder == places.CHECKOUT / ".rabbitmq" and venv == places.VENV_BIN:
            new = venv / f"{shim.name}.{os.getpid()}"
            new.symlink_to(shim)
            new.replace(venv / shim.name)

    def ctl(self, *words: str, check: bool = True) -> str:
        """`rabbitmqctl` with these words; its output. Raises CourseError if it fails."""
        done = run_through(
            [str(self.bin / "rabbitmqctl"), "-q", *words],
            limit=60,  # its own, for what it asks the node
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        if check and done.returncode:
            raise CourseError(f"rabbitmqctl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def rows(self, *words: str) -> list[tuple[str, str]]:
        """The first two columns of a listing of rabbitmqctl, its head left out."""
        lines = self.ctl(*words, "--no-table-headers").splitlines()
        return [tuple(line.split("\t")[:2]) for line in lines if "\t" in line]

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

    def said(self, *words: str) -> str:
        """The last line of the node's log that has all these words, once it has been written."""

        def line() -> str:
            found = ""
            for one in self.log.read_text(errors="replace").splitlines():
                found = one if all(word in one for word in words) else found
            return found

        return wait_until(line, limit=10, what=f"a line with {words} in the broker's log")

    # --- facts over the management API --------------------------------------------------

    @property
    def api(self) -> httpx.Client:
        """The management HTTP API, as the course's own user."""
        door = (self.management_url, self.kept["password"])
        if self._http is None or self._door != door:
            self._door = door  # another one, where the folder was deleted and made again
            self._http = httpx.Client(
                base_url=self.management_url,
                auth=(EYES, door[1]),
                timeout=by_clock(10),  # an answer takes a few milliseconds
                verify=False,  # plain HTTP on loopback: no certificates to read
                trust_env=False,  # and no proxy
                # a connection kept open makes RabbitMQ wait five seconds for it when it stops
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        return self._http

    def _admit_eyes(self) -> None:
        if self.api.get("/api/whoami").status_code == 200:
            return
        password = self.kept["password"]
        user = {"password": password, "tags": "administrator"}
        made = httpx.put(
            f"{self.management_url}/api/users/{EYES}",
            json=user,
            auth=("guest", "guest"),
            trust_env=False,
        )
        if made.is_error:  # guest is gone, or has another password: the long way
            self.ctl("add_user", EYES, password, check=False)
            self.ctl("change_password", EYES, password)
            self.ctl("set_user_tags", EYES, "administrator")

    def facts(self, *path: str) -> dict | list | None:
        """GET /api/…; None where there is no such thing."""
        answer = self.api.get("/api/" + "/".join(quote(part, safe="") for part in path))
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def queues(self, vhost: str) -> dict[str, dict[str, int]]:
        """Each queue of a vhost with its messages: `ready`, `unacked`, `total`. Exact.

        The totals are asked of the queues themselves: the figures that the management
        plugin keeps lag by up to five seconds.
        """
        answer = self.api.get(
            "/api/queues", params={"disable_stats": "true", "enable_queue_totals": "true"}
        ).raise_for_status()
        return {
            queue["name"]: {
                "ready": queue.get("messages_ready", 0),
                "unacked": queue.get("messages_unacknowledged", 0),
                "total": queue.get("messages", 0),
            }
            for queue in answer.json()
            if queue["vhost"] == vhost
        }

    def remove(self, *path: str) -> None:
        """DELETE /api/…; what is not there is gone already.

        A queue or an exchange is removed by a user with rights in its vhost alone: ours has them
        for that moment.
        """
        address = "/api/" + "/".join(quote(part, safe="") for part in path)
        answer = self.api.delete(address)
        if answer.status_code == 401 and path[0] in ("queues", "exchanges"):
            self.give(path[1], EYES, dict.fromkeys(("configure", "write", "read"), ".*"))
            answer = self.api.delete(address)
            self.remove("permissions", path[1], EYES)
        if answer.status_code == 401:
            answer.raise_for_status()

    def clear(self, names: re.Pattern) -> None:
        """Remove the vhosts and queues of these names."""
        for vhost in self.facts("vhosts"):
            if names.fullmatch(vhost["name"]):
                self.remove("vhosts", vhost["name"])
        for queue in self.api.get("/api/queues", params={"disable_stats": "true"}).json():
            if names.fullmatch(queue["name"]):
                self.remove("queues", queue["vhost"], queue["name"])

    def make_vhost(self, name: str, user: str) -> None:
        """A vhost that is this user's, all of it."""
        self.api.put(f"/api/vhosts/{quote(name, safe='')}").raise_for_status()
        self.give(name, user, dict.fromkeys(("configure", "write", "read"), ".*"))

    def give(self, vhost: str, user: str, rights: dict[str, str]) -> None:
        """Set a user's configure, write and read expressions in a vhost."""
        body = {key: rights[key] for key in ("configure", "write", "read")}
        path = f"/api/permissions/{quote(vhost, safe='')}/{quote(user, safe='')}"
        self.api.put(path, json=body).raise_for_status()


@contextlib.contextmanager
def dead_checks_cleared(broker: Broker, wait: bool = True) -> Iterator[bool]:
    """One check at a time: each sets the broker's users and vhosts aside and puts them back.

    Whoever gets in knows that no other check lives, and clears what one that was killed left.
    Without `wait` False, and nothing is cleared, where another is at work.
    """
    with (broker.folder / "check.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        broker.clear(re.compile("check-[0-9a-f]{8}"))
        yield True
