"""What is stored for a node of this checkout, and the configuration that it starts with."""

import hashlib
import json
import os
import re
import secrets
import shlex
from pathlib import Path

from workshop import places
from workshop.broker.binaries import SCRIPTS, find_sbin
from workshop.errors import CourseError
from workshop.machine import environment
from workshop.machine.files import link_whole, write_whole
from workshop.machine.ports import claim

# The first choice. RabbitMQ's own defaults, except for epmd and distribution: those (4369, 25672)
# are left to a RabbitMQ that is already here.
FIRST_PORTS = {"amqp": 5672, "management": 15672, "distribution": 25772, "epmd": 4469}
# A path that RabbitMQ can use as it is, and the folder for links to all others, which is as short
# as possible, and the same in every shell.
PLAIN = re.compile(r"[A-Za-z0-9 /._+@=-]+")
LINKS = Path("/tmp") / f"celery-django-course-{os.getuid()}"
# The shell's variables for RabbitMQ and Erlang are meant for another node.
FOREIGN_PREFIXES = ("RABBITMQ_", "ERL_", "ELIXIR_", "LC_")
UNSET = f"unset $(env | sed -nE 's/^(({'|'.join(FOREIGN_PREFIXES)})[A-Za-z0-9_]*)=.*/\\1/p')\n"
# A quorum queue reports its figures when it ticks, every five seconds by default: a lesson that
# waits for a message to arrive, and each check, would wait that long.
ADVANCED = "[{rabbit, [{quorum_tick_interval, 500}]}].\n"


class NodeFolder:
    """A node's folder: its name, ports and password, its configuration and its commands."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder or places.broker()

    @property
    def kept(self) -> dict:
        """Node name, ports and the password of the course's user; made on first use."""
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

    def _keep(self, facts: dict) -> dict:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        write_whole(self.folder / "node.json", json.dumps(facts, indent=1))
        return facts

    def keep(self, **facts) -> None:
        """Store more facts for this checkout, next to the node's own."""
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
        """The folder's path for RabbitMQ: a link, if its own path is not plain.

        RabbitMQ 3.10 puts the path in quotes when it runs `df`, so that a quote in the path ends
        them, and its management plugin cannot write characters beyond Latin-1.
        """
        if PLAIN.fullmatch(str(self.folder)):
            return self.folder
        return LINKS / hashlib.sha1(str(self.folder).encode(errors="surrogateescape")).hexdigest()

    def _link_plain_path(self) -> None:
        way = self.way
        if way == self.folder or (way.is_symlink() and way.readlink() == self.folder):
            return
        LINKS.mkdir(mode=0o700, exist_ok=True)
        if LINKS.is_symlink() or LINKS.stat().st_uid != os.getuid():
            raise CourseError(
                f"RabbitMQ cannot work below {self.folder}, and {LINKS} is another user's.",
                "move this checkout to a folder whose path is letters and digits alone",
            )
        link_whole(way, self.folder)

    @property
    def bin(self) -> Path:
        """The folder whose `rabbitmqctl` and `rabbitmq-server` talk only to this node."""
        return self.folder / "bin"

    @property
    def log(self) -> Path:
        return self.folder / "log" / f"{self.node}.log"

    def environment(self) -> dict[str, str]:
        """The variables that make RabbitMQ's scripts talk to this node, on loopback only."""
        return {
            **{k: v for k, v in environment.clean().items() if not k.startswith(FOREIGN_PREFIXES)},
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
            # one scheduler: a command takes half a second, and has nothing to run in parallel
            "RABBITMQ_CTL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_SECONDS": "0",  # a node that cannot start says so at once
        }

    def _write(self) -> None:
        """Write the configuration and shims, at every start."""
        sbin = find_sbin()
        if sbin is None:
            raise CourseError("RabbitMQ is not on this machine.", "make lab")
        for sub in ("bin", "log", "data"):
            (self.folder / sub).mkdir(parents=True, exist_ok=True)
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (self.folder / "rabbitmq.conf").write_text(self._configuration())
        (self.folder / "advanced.config").write_text(ADVANCED)
        exports = "".join(
            f"export {name}={shlex.quote(value)}\n" for name, value in self._own_variables().items()
        )
        for name in SCRIPTS:
            shim = self.bin / name
            write_whole(
                shim,
                "#!/bin/sh\n# this checkout's private node, and no other\n"
                f'{UNSET}{exports}exec {shlex.quote(f"{sbin}/{name}")} "$@"\n',
                mode=0o755,
            )
            self._link(shim)

    def _configuration(self) -> str:
        return (
            "management.tcp.ip = 127.0.0.1\n"
            f"management.tcp.port = {self.kept['ports']['management']}\n"
            "log.file.level = info\n"
        )

    def _link(self, shim: Path) -> None:
        """Anyone who activates this checkout's .venv gets its rabbitmqctl, too, and no other."""
        venv = places.CHECKOUT / ".venv" / "bin"
        if self.folder == places.CHECKOUT / ".rabbitmq" and venv == places.VENV_BIN:
            link_whole(venv / shim.name, shim)

    def _end_orphan(self) -> dict[str, int]:
        """The ports of a node whose folder was deleted under it: none are known here."""
        return {}
