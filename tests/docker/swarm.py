"""A swarm of several Docker Engines on one machine, which need not have a network.

Each node of the swarm is a group of kernel namespaces: for processes, mounts, network and the
host's name. Its first process lives until this process closes a pipe or ends, however it ends;
the kernel then kills whatever runs on the node, and takes away its mounts and its network. A
shell outside removes the node's folder and control groups.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.debian import Impossible, need, run
from workshop.machine.patience import NotYet, wait_until

TOOLS = ("dockerd", "ip", "nsenter", "unshare")
NETWORK = "10.66.0"  # only the nodes see it

# Its arguments: the first process, the machine's folder, its name, that of its control groups
GUARD = """
unshare --mount --pid --net --uts --ipc --fork --kill-child sh -c "$0" "$2"
rm -rf "$1"
rmdir "${1%/*}" 2>/dev/null  # the last one can
find /sys/fs/cgroup -depth -type d -path "*/$3*" -exec rmdir {} +
"""
# Another engine's sockets are in /run: an engine on the node must not find them.
FIRST = """
set -e
read -r pid rest < /proc/self/stat
mount -t proc proc /proc
mount -t tmpfs run /run
hostname "$0"
ip link set lo up
exec 3<&0
echo "$pid"
cat <&3 > /dev/null & exec 3<&-; wait
"""


class Machine:
    """A machine as far as its processes can tell."""

    def __init__(self, name: str, folder: Path):
        self.name, self.folder = name, folder / name
        self.folder.mkdir()
        self.groups = f"{folder.name}-{name}"
        self._guard = subprocess.Popen(
            ["sh", "-c", GUARD, FIRST, str(self.folder), name, self.groups],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # not for Ctrl-C
        )
        self.pid = self._guard.stdout.readline().strip()
        if not self.pid:
            self.power_off()
            raise Impossible("this machine allows no mounts: in a container, run it --privileged")

    def words(self, *words: str) -> list[str]:
        """The command line that runs this there."""
        namespaces = ("--mount", "--pid", "--net", "--uts", "--ipc")
        return ["nsenter", f"--target={self.pid}", *namespaces, *map(str, words)]

    def power_off(self) -> None:
        """Kill all its processes at the same time, and leave nothing."""
        self._guard.stdin.close()
        self._guard.stdout.close()
        self._guard.wait()


class Node(Machine):
    """A machine with a Docker Engine."""

    def __init__(self, name: str, folder: Path, address: str):
        super().__init__(name, folder)
        self.address = address
        self.port = f"to-{name}"
        self.env = {"DOCKER_HOST": f"unix://{self.folder}/docker.sock"}

    def connect(self, switch: Machine) -> None:
        both = ("type", "veth", "peer", "name", "eth0", "netns", self.pid)
        need("ip", "link", "add", "name", self.port, "netns", switch.pid, *both)
        need(*switch.words("ip", "link", "set", self.port, "master", "bridge", "up"))
        need(*self.words("ip", "address", "add", f"{self.address}/24", "dev", "eth0"))
        need(*self.words("ip", "link", "set", "eth0", "up"))
        # No default route: each task would wait for a registry's name until a time limit is over.

    def start_engine(self) -> None:
        (self.folder / "daemon.json").write_text("{}")  # not this machine's own
        places = {
            "--config-file": "daemon.json",
            "--data-root": "data",
            "--exec-root": "exec",
            "--pidfile": "pid",
        }
        command = ["dockerd", "--host", self.env["DOCKER_HOST"], "--cgroup-parent", self.groups]
        command += ["--exec-opt", "native.cgroupdriver=cgroupfs"]
        for option, name in places.items():
            command += [option, self.folder / name]
        with (self.folder / "log").open("w") as log:
            self._engine = subprocess.Popen(self.words(*command), stdout=log, stderr=log)

    def wait_until_up(self) -> None:
        def is_up() -> bool:
            return run("docker", "info", env=self.env).returncode == 0

        try:
            wait_until(is_up, limit=60, what=f"the engine of {self.name}")
        except NotYet as error:
            said = "\n".join((self.folder / "log").read_text().splitlines()[-5:])
            raise Impossible(f"{error}:\n{said}") from None

    def docker(self, *words: str, **options) -> str:
        return need("docker", *words, env=self.env, **options).strip()

    def load(self, image: str, env: dict[str, str]) -> None:
        """Give it an image of the engine that `env` leads to."""
        save = ["docker", "save", image]
        with subprocess.Popen(save, stdout=subprocess.PIPE, env={**os.environ, **env}) as pipe:
            self.docker("load", "-q", stdin=pipe.stdout)

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers that run here."""
        label = f"label=com.docker.swarm.service.name={service}"
        return self.docker("ps", "-q", "--no-trunc", "--filter", label).split()

    def power_off(self) -> None:
        super().power_off()
        if hasattr(self, "_engine"):
            self._engine.wait()


class Swarm:
    """Nodes on one switch; the first is the manager."""

    def __init__(self, nodes: list[Node], switch: Machine):
        self.nodes, self.switch = nodes, switch
        self.manager = nodes[0]

    def __getitem__(self, name: str) -> Node:
        [found] = [node for node in self.nodes if node.name == name]
        return found

    def __call__(self, *words: str) -> str:
        """What a command of docker's says on the manager."""
        return self.manager.docker(*words)

    def join(self) -> None:
        """Make all other nodes members of the first one's swarm."""
        token = self("swarm", "join-token", "-q", "worker")
        for node in self.nodes[1:]:
            node.docker("swarm", "join", "--token", token, f"{self.manager.address}:2377")

    def lose(self, node: Node) -> None:
        """End a node without a word: none of its connections is closed."""
        need(*self.switch.words("ip", "link", "set", node.port, "down"))
        self.nodes.remove(node)
        node.power_off()

    def tasks(self, service: str) -> list[tuple[str, str]]:
        """The node and the state of each task that Swarm wants to run."""
        words = ("--filter", "desired-state=running", "--format", "{{.Node}} {{.CurrentState}}")
        lines = self("service", "ps", service, *words).splitlines()
        return [tuple(line.split()[:2]) for line in lines]

    def runs(self, service: str) -> int:
        """How many tasks of a service run: according to the manager, and on their nodes."""
        states = [state for _, state in self.tasks(service)]
        return min(states.count("Running"), len(self.containers(service)))

    def wait_until_runs(self, service: str, count: int, *, limit: float = 120) -> None:
        def runs() -> bool:  # and none that is no longer wanted is still stopping
            counts = {self.runs(service), len(self.tasks(service)), len(self.containers(service))}
            return counts == {count}

        try:
            wait_until(runs, limit=limit, what=f"{count} tasks of {service}")
        except NotYet as error:
            words = ("--no-trunc", "--format", "{{.Name}} {{.Node}} {{.CurrentState}} {{.Error}}")
            raise AssertionError(f"{error}\n{self('service', 'ps', service, *words)}") from None

    def containers(self, service: str) -> list[tuple[Node, str]]:
        return [(node, one) for node in self.nodes for one in node.containers(service)]

    def inspect(self, kind: str, name: str, what: str) -> str:
        """A field, in Go's notation."""
        return self(kind, "inspect", "-f", "{{" + what + "}}", name)


@contextlib.contextmanager
def swarm_of(*names: str) -> Iterator[Swarm]:
    """Engines with these names, not yet in a swarm. Raises Impossible."""
    if os.geteuid() != 0:
        raise Impossible("a swarm of three engines needs root")
    for tool in TOOLS:
        if not shutil.which(tool):
            raise Impossible(f"there is no {tool} here: apt-get install docker.io iproute2")
    folder = Path(tempfile.mkdtemp(prefix="course-swarm-", dir="/var/tmp"))
    with contextlib.ExitStack() as stack:
        switch = Machine("switch", folder)
        stack.callback(switch.power_off)
        need(*switch.words("ip", "link", "add", "bridge", "type", "bridge"))
        need(*switch.words("ip", "address", "add", f"{NETWORK}.254/24", "dev", "bridge"))
        need(*switch.words("ip", "link", "set", "bridge", "up"))
        nodes = []
        for number, name in enumerate(names, 1):
            node = Node(name, folder, f"{NETWORK}.{number}")
            stack.callback(node.power_off)
            node.connect(switch)
            node.start_engine()
            nodes.append(node)
        for node in nodes:
            node.wait_until_up()
        yield Swarm(nodes, switch)


def leftovers(folder: Path) -> list[str]:
    """Whatever is left of the swarm in that folder; nothing, once it has ended."""
    left = [str(path) for path in (folder, *Path("/sys/fs/cgroup").glob(f"*/{folder.name}*"))]
    left = [path for path in left if Path(path).exists()]
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(folder) in command:
                left.append(command.replace("\0", " "))
    links = run("ip", "-o", "link").stdout
    return left + [line for line in links.splitlines() if ": to-node" in line]
