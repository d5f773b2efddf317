"""Is this machine ready? Each fact is looked at now; what is wrong comes with why, and a cure."""

import codecs
import contextlib
import importlib.metadata
import locale
import multiprocessing
import os
import platform
import resource
import shutil
import socket
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import psutil
from packaging.requirements import Requirement
from packaging.version import Version
from rich.padding import Padding
from rich.text import Text

from workshop import environment as surroundings
from workshop import places, process, progress, setting, stages
from workshop.binaries import find_sbin
from workshop.broker import FIRST_PORTS, Broker, NotYours, dead_checks_cleared
from workshop.errors import CourseError
from workshop.patience import CORES, crowd, hungry
from workshop.ports import is_taken
from workshop.report import GREEN, GREY, RED, Answer
from workshop.versions import version_of

# for packages that are not as they were
ANEW = "rm -r .venv; make lab"
if os.environ.get("COURSE_VENV"):
    ANEW = "outside the container: docker compose build; docker compose up"
FREE_MB = 300
FILES = 1024
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
# under these a learner's `python manage.py`, or its .env, does not work
PYTHON_VARIABLES = ("PYTHONHOME", "PYTHONSAFEPATH", "PYTHON_DOTENV_DISABLED")


@dataclass(frozen=True)
class Finding:
    """One fact: `cure`, what to type, is empty where it is as it should be.

    `why` says what goes wrong, for the learner, as long as it is not.
    """

    name: str
    found: str
    why: str = ""
    cure: str = ""


# --- the machine ---------------------------------------------------------------------------


def python() -> Finding:
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding(
        "Python",
        platform.python_version(),
        *(
            ()
            if fine
            else (
                "Celery and Django here are made for others.",
                "install Python 3.11, 3.12 or 3.13",
            )
        ),
    )


def packages() -> Finding:
    """Every version that requirements.txt locks is the one installed."""
    other: list[str] = []
    for line in (places.CHECKOUT / "requirements.txt").read_text().splitlines():
        if "==" in line and not line.lstrip().startswith("#"):
            locked = Requirement(line)
            if locked.marker and not locked.marker.evaluate():
                continue
            if not is_installed(locked):
                other.append(locked.name)
    elsewhere = [name for name in other if _is_on_pythonpath(name)]
    if elsewhere:
        return Finding(
            "packages",
            f"PYTHONPATH has another {', '.join(elsewhere)}",
            "Python finds it before the one that is locked for the course.",
            "unset PYTHONPATH; make stop; make lab",
        )
    if other:
        return Finding(
            "packages",
            f"not as locked: {', '.join(other)}",
            "The lessons were run with the locked versions; others may say other things.",
            ANEW,
        )
    subject = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("celery", "kombu", "django")
    )
    return Finding("packages", f"as locked: {subject}")


def is_installed(locked: Requirement) -> bool:
    try:
        return locked.specifier.contains(importlib.metadata.version(locked.name), True)
    except importlib.metadata.PackageNotFoundError:
        return False


def _is_on_pythonpath(name: str) -> bool:
    paths = [Path(one) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found = Path(importlib.metadata.distribution(name).locate_file(""))
        return any(found.resolve() == one.resolve() for one in paths)
    return False


def line_ends() -> Finding:
    """The course's own scripts end their lines as `sh` reads them."""
    folders = (places.STEPS, places.SOLUTIONS, places.CHECKOUT / "docker")
    scripts = [file for folder in folders for file in sorted(folder.rglob("*.sh"))]
    bad = [file for file in scripts if b"\r\n" in file.read_bytes()]
    if bad:
        shown = ", ".join(str(file.relative_to(places.CHECKOUT)) for file in bad[:2])
        return Finding(
            "line ends",
            f"Windows line ends in {shown}{' …' if bad[2:] else ''}",
            "git wrote them (core.autocrlf=true). `sh` takes them for a part of the last word.",
            "git rm -rq --cached . && git reset -q --hard, then: workshop reset STAGE",
        )
    return Finding("line ends", "as `sh` reads them")


def kernel() -> Finding:
    """What runs the cells: another kernel of the same name may stand in front of this one."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("kernel", "there is no python3 kernel", _NO_CELL, ANEW)
    command = spec.argv[0]
    # the name alone means: the Python that Jupyter itself runs on
    own = not os.path.isabs(command) or Path(command).parent == places.VENV_BIN
    if not own:
        return Finding(
            "kernel",
            f"python3 is {command}",
            "The notebooks would run in a Python that has none of the course's packages.",
            f"rm -r {Path(spec.resource_dir)}",
        )
    return Finding("kernel", "the notebooks run in this .venv")


_NO_CELL = "No cell of a notebook can run."


def names() -> Finding:
    """`localhost` means this machine, by IPv4 or IPv6."""
    try:
        addresses = sorted({info[4][0] for info in socket.getaddrinfo("localhost", None)})
    except OSError:
        addresses = []
    host = socket.gethostname() or "(none)"
    if not addresses or not set(addresses) <= {"127.0.0.1", "::1"}:
        return Finding(
            "localhost",
            f"means {', '.join(addresses) or 'nothing'}",
            "The broker's address names localhost; it would be looked for elsewhere.",
            "add the line `127.0.0.1 localhost` to /etc/hosts",
        )
    return Finding("localhost", f"is this machine: {', '.join(addresses)} (host name {host})")


def environment() -> Finding:
    """No variable of the shell stands in front of what the learner writes."""
    bent = surroundings.bent()
    if hides(surroundings.AT_START.get("PYTHONPATH", "")):
        bent.append("PYTHONPATH")
    if bent:
        return Finding(
            "variables",
            f"the environment sets {', '.join(bent)}",
            "Celery, Django and Python take it instead of what your files say.",
            f"unset {' '.join(bent)}; make stop; make lab",
        )
    return Finding("variables", "none stands in front of your settings")


def shell() -> Finding:
    """What the shell tells Python: the course starts without it, the learner's `python` does not.

    Also the encoding of text, which a kernel that was not started by `make lab` cannot change.
    """
    told = surroundings.dropped()
    names = [name for name in PYTHON_VARIABLES if name in told]
    if hidden := hides(told.get("PYTHONPATH", "")):
        names.append("PYTHONPATH")
    if names:
        others = f", with another {', '.join(hidden)} on it" if hidden else ""
        return Finding(
            "shell",
            f"this terminal sets {', '.join(names)}{others}",
            "The course starts without; `python` and `celery`, typed here, do not.",
            f"unset {' '.join(names)}",
        )
    encoding = locale.getpreferredencoding(False)
    if codecs.lookup(encoding).name != "utf-8":
        return Finding(
            "shell",
            f"text is {encoding} here, not UTF-8",
            "Python reads and writes your files with other letters than the editor.",
            "export PYTHONUTF8=1; make stop; make lab",
        )
    return Finding("shell", "what it tells Python is in nobody's way")


def hides(pythonpath: str) -> list[str]:
    """What is on a PYTHONPATH under the name of a package here, or of the learner's modules."""
    found = set()
    for entry in filter(None, pythonpath.split(os.pathsep)):
        if Path(entry) != places.CHECKOUT:
            with contextlib.suppress(OSError):
                there = Path(entry).iterdir()
                found |= {one.stem for one in there if one.is_dir() or one.suffix == ".py"}
    if not found:
        return []
    ours = {one.stem for one in Path(sysconfig.get_path("purelib")).iterdir()}
    ours |= {"celery_testing", "testing", "sums", "receipts", "manage", *sys.stdlib_module_names}
    return sorted((found & ours) - {"__pycache__"})


def pool() -> Finding:
    """What a worker's child processes need of the system."""
    system = platform.system()
    if system == "Windows":
        return Finding(
            "pool",
            "Windows",
            "Celery's child processes need fork: `not enough values to unpack` otherwise.",
            "work inside WSL2 or Docker; for a worker alone: --pool=solo",
        )
    try:
        multiprocessing.Lock()
    except OSError as error:
        return Finding(
            "pool",
            f"no shared memory: {error}",
            "A worker cannot start its child processes.",
            "sudo chmod 1777 /dev/shm",
        )
    if system == "Darwin":
        return Finding("pool", "macOS: where a worker dies with `objc … fork`, add --pool=solo")
    return Finding("pool", "a worker can start its child processes")


def disk() -> Finding:
    free = shutil.disk_usage(places.home()).free // 2**20
    if free < FREE_MB:
        return Finding(
            "disk",
            f"{free} MB free",
            "RabbitMQ takes no messages when the disk is nearly full.",
            "make room: df -h .",
        )
    return Finding("disk", "has room")


def load() -> Finding:
    """How many programs want the processor. A busy machine is no illness: checks allow for it."""
    wanted = crowd()
    cores = f"{CORES} core{'s' if CORES > 1 else ''}"
    if wanted < 2:
        return Finding("load", f"{cores}, with time to spare")
    return Finding(
        "load",
        f"busy: {wanted:.0f} programs want each of {cores}, most of all {'; '.join(hungry())}. "
        "Checks take longer, and say the same",
    )


def limits() -> Finding:
    """Open files, and inotify instances, which `check --watch` needs."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files != resource.RLIM_INFINITY and files < FILES:
        return Finding(
            "limits",
            f"{files} open files",
            "The broker needs one for each connection, queue and log.",
            f"ulimit -n {FILES}; then make stop and make lab",
        )
    with contextlib.suppress(OSError, ValueError):
        allowed = int(INOTIFY.read_text())
        if _inotify_used() >= allowed:
            return Finding(
                "limits",
                f"all {allowed} inotify instances are in use",
                "`check --watch` does not see when a file is saved.",
                f"sudo sysctl fs.inotify.max_user_instances={max(allowed, 128) * 2}",
            )
    return Finding("limits", "files and inotify are enough")


def _inotify_used() -> int:
    """Inotify instances of this user's processes."""
    used = 0
    for one in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if one.stat().st_uid == os.getuid():
                used += sum(os.readlink(fd) == "anon_inode:inotify" for fd in one.iterdir())
    return used


# --- the broker ----------------------------------------------------------------------------


def rabbitmq() -> Finding:
    place = find_sbin()
    if place is None:
        return Finding("RabbitMQ", "not on this machine", "There is no broker to run.", "make lab")
    return Finding("RabbitMQ", "installed")


_failure: CourseError | OSError | None = None  # of the last attempt to start the broker


def without_broker(name: str) -> Finding:
    """What nobody can tell while the broker is down."""
    why, cure = "Nothing can be sent or taken.", "make lab"
    if _failure:  # to try once more would end in the same
        why = getattr(_failure, "cause", str(_failure)) if name == "broker" else why
        other = isinstance(_failure, PermissionError)  # what root made here
        cure = "sudo chown -R $(id -un) .; make lab" if other else getattr(_failure, "cure", cure)
    return Finding(name, "the broker is not running", why, cure)


def node() -> Finding:
    broker = Broker()
    if not broker.is_ready():
        return without_broker("broker")
    version = version_of(broker)
    if Version(version) < Version("3.10"):
        return Finding(
            "broker",
            f"RabbitMQ {version} is too old",
            "The lessons need what 3.10 and later have.",
            "install 3.10 or later",
        )
    return Finding("broker", f"RabbitMQ {version} runs, on localhost:{broker.port}")


def versions() -> Finding:
    """Celery, kombu and RabbitMQ go together."""
    broker = Broker()
    found = {name: importlib.metadata.version(name) for name in ("celery", "kombu")}
    if broker.is_ready():
        found["RabbitMQ"] = version_of(broker)
    trouble = misfit(found)
    if trouble:
        what, why = trouble
        return Finding("versions", what, why, ANEW)
    return Finding("versions", ", ".join(f"{name} {v}" for name, v in found.items()))


def misfit(found: dict[str, str]) -> tuple[str, str] | None:
    """Which two do not go together, and what comes of it; None where all do."""
    version = {name: Version(number) for name, number in found.items()}
    rabbit = version.get("RabbitMQ", Version("0"))
    if rabbit >= Version("4.3") and version["celery"] < Version("5.7"):
        return (
            f"celery {found['celery']} with RabbitMQ {found['RabbitMQ']}",
            "A worker fails at its start with (541) INTERNAL_ERROR.",
        )
    if rabbit >= Version("4") and version["kombu"] < Version("5.7"):
        return (
            f"kombu {found['kombu']} with RabbitMQ {found['RabbitMQ']}",
            "Quorum queues answer 540 NOT_IMPLEMENTED … global qos.",
        )
    return None


def ports() -> Finding:
    """This checkout's ports, and who holds RabbitMQ's usual one where it is not ours."""
    broker = Broker()
    ours = broker.kept["ports"]
    if not broker.pid:
        held = {use: port for use, port in ours.items() if use != "epmd" and is_taken(port)}
        if held:
            who = ", ".join(f"{port} ({use}): {holder(port)}" for use, port in held.items())
            return Finding(
                "ports",
                f"held by other programs: {who}",
                "The broker takes the next free ones; addresses in your files name the old.",
                "make lab, then compare the port in your files with the one that `begin` shows",
            )
    shown = f"AMQP {ours['amqp']}, management {ours['management']}"
    usual = FIRST_PORTS["amqp"]
    if ours["amqp"] != usual:
        other = f"; {usual} is held by {holder(usual)}" if is_taken(usual) else ""
        return Finding("ports", f"{shown} (not the usual {usual}{other})")
    return Finding("ports", shown)


def holder(port: int) -> str:
    """Who listens on a port: name and process id, as far as this user may know."""
    for one in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.holds(one.pid, port, below=False):
                return f"{one.info['name']} (pid {one.pid})"
    return "another user's program"


def loopback() -> Finding:
    """Everything that the broker opens is on a loopback address."""
    broker = Broker()
    pid = broker.pid
    if pid is None:
        return without_broker("listening")
    try:
        found = psutil.Process(pid).net_connections("tcp")
    except psutil.AccessDenied:
        error = NotYours(pid)
        return Finding("listening", "is another user's broker", error.cause, error.cure)
    doors = [door.laddr.ip for door in found if door.status == psutil.CONN_LISTEN]
    other = sorted({ip for ip in doors if ip not in ("127.0.0.1", "::1")})
    elsewhere = [name for name in other if _is_on_pythonpath(name)]
    if elsewhere:
        return Finding(
            "packages",
            f"PYTHONPATH has another {', '.join(elsewhere)}",
            "Python finds it before the one that is locked for the course.",
            "unset PYTHONPATH; make stop; make lab",
        )
    if other:
        return Finding(
            "listening",
            f"the broker is open on {', '.join(other)}",
            "Others in this network can reach it.",
            "make stop; make lab",
        )
    return Finding("listening", "on this machine alone")


def epmd() -> Finding:
    """Erlang's port mapper, by which rabbitmqctl finds the node."""
    broker = Broker()
    port = broker.kept["ports"]["epmd"]
    if broker.pid and not is_taken(port):
        return Finding(
            "epmd",
            f"nothing answers on {port}",
            "rabbitmqctl does not find the broker, though it runs.",
            "make stop; make lab",
        )
    return Finding("epmd", f"on port {port}" if broker.pid else "starts with the broker")


def alarms() -> Finding:
    """A broker short of memory or disk takes no messages."""
    broker = Broker()
    try:
        nodes = broker.facts("nodes")
    except httpx.HTTPError:
        return without_broker("alarms")
    short = {"mem_alarm": "memory", "disk_free_alarm": "disk"}
    raised = [name for alarm, name in short.items() if any(node.get(alarm) for node in nodes)]
    if raised:
        what = " and ".join(raised)
        return Finding(
            "alarms",
            f"the broker is short of {what}",
            "It takes no message until it has room: whoever sends one waits.",
            "make room (free -m; df -h .), then: make stop; make lab",
        )
    return Finding("alarms", "none: the broker has memory and disk")


# --- the course on it ------------------------------------------------------------------------


def rights() -> Finding:
    """User, vhost and permissions that the stage begun last stands on."""
    stage, broker = progress.last_begun(), Broker()
    if stage is None or int(stage.number) < 2:
        return Finding("rights", "nothing is needed yet")
    if not broker.is_ready():
        return without_broker("rights")
    missing = ""
    if not setting.can_log_in(broker):
        missing = f"{setting.USER} cannot log in with the password of stage 01"
    elif int(stage.number) >= 3 and broker.facts("vhosts", setting.VHOST) is None:
        missing = f"there is no vhost {setting.VHOST}"
    elif int(stage.number) >= 3 and not setting.may_use(broker):
        missing = f"{setting.USER} has not all rights in {setting.VHOST}"
    if missing:
        return Finding(
            "rights",
            missing,
            f"Stage {stage.number} stands on it.",
            f"workshop begin {stage.number}",
        )
    return Finding("rights", f"as stage {stage.number} needs them")


@dataclass(frozen=True)
class Worker:
    """A Celery worker on this checkout's broker, whoever started it."""

    pid: int
    folder: str
    vhost: str
    began: float

    @property
    def is_older_than_its_code(self) -> bool:
        files = Path(self.folder).glob("*/*.py")
        # the system tells a process's beginning to the second
        return any(file.stat().st_mtime > self.began + 2 for file in files)

    @property
    def stage(self) -> str:
        """The stage in whose folder it stands, or ""."""
        parts = Path(self.folder).parts
        return next((s.number for s in stages.all_stages() if s.name in parts), "")


def worker_processes() -> Iterator[psutil.Process]:
    """The main processes of Celery workers of this user, their pools' children left out."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if _is_worker(one) and not (one.parent() and _is_worker(one.parent())):
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
                yield Worker(one.pid, one.cwd(), vhost, one.create_time())


def running_workers() -> Finding:
    """Who takes messages: of which stage, in which vhost; none of an older stage."""
    found, at = list(workers()), progress.last_begun()
    shown = [f"pid {w.pid}, stage {w.stage or '?'}, vhost {w.vhost}" for w in found]
    stale = [w for w in found if at and w.vhost == setting.VHOST and w.stage != at.number]
    if stale:
        whose = "; ".join(
            f"pid {w.pid} of {'stage ' + w.stage if w.stage else w.folder}" for w in stale
        )
        return Finding(
            "workers",
            f"you are at stage {at.number}, and another worker runs: {whose}",
            "It takes messages from the same queue, and does them with its own, older code.",
            f"kill {' '.join(str(w.pid) for w in stale)}",
        )
    old = [w for w in found if w.is_older_than_its_code]
    if old:
        return Finding(
            "workers",
            f"pid {old[0].pid} began before a file of its project was saved",
            "A worker reads the code once, at its start: it does its tasks with the older one.",
            f"kill {' '.join(str(w.pid) for w in old)}; then start it again",
        )
    return Finding("workers", "; ".join(shown) or "none")


def strays() -> list[psutil.Process]:
    """Workers that stand in this checkout's desk, and that no notebook of it started."""
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
        for name, queue in broker.queues(setting.VHOST).items()
        if queue["ready"] and not name.startswith("check-")
    }
    for queue, _ in broker.rows("list_consumers", "-p", setting.VHOST) if waits else ():
        waits.pop(queue, None)
    if waits:
        shown = ", ".join(f"{count} in {name}" for name, count in waits.items())
        at = progress.last_begun()
        app = "celery_testing" if at and int(at.number) >= 5 else "testing.workers"
        return Finding(
            "messages",
            f"{shown}, and no worker takes them",
            "Nothing happens, and nothing is lost: they wait.",
            f"in the stage's folder: celery -A {app} worker --loglevel=info",
        )
    return Finding("messages", "none waits without a worker")


def leftovers() -> Finding:
    """Commands whose notebook or terminal has gone."""
    left = [one for one in process.running() if not one.owner_lives]
    if left:
        whose = "; ".join(f"{one.command} (pid {one.guard.pid})" for one in left)
        return Finding(
            "leftovers",
            f"still running, though their notebook has gone: {whose}",
            "They hold ports and take messages.",
            "make stop",
        )
    return Finding("leftovers", "none")


MACHINE = (python, packages, line_ends, kernel, names, environment, shell, pool, disk, load, limits)
BROKER = (rabbitmq, node, versions, ports, loopback, epmd, alarms)
COURSE = (rights, running_workers, waiting, leftovers)
EVERYTHING: tuple[Callable[[], Finding], ...] = (*MACHINE, *BROKER, *COURSE)
# without these no work of the learner's can be right
VITAL = (line_ends, names, environment, pool, disk, node, alarms)


class Diagnosis(Answer):
    """All findings, as lines."""

    def __init__(self, findings: list[Finding]):
        self.findings = findings
        parts = []
        for one in findings:
            mark, colour = ("✗", RED) if one.cure else ("✓", GREEN)
            parts.append(Text.assemble((mark, colour), f" {one.name:<10} {one.found}"))
            if one.cure:
                parts.append(Padding(Text(one.why, GREY), (0, 0, 0, 13)))
                parts.append(Padding(Text(f"→ {one.cure}"), (0, 0, 0, 13)))
        super().__init__(*parts, right=not any(one.cure for one in findings))

    def as_data(self) -> list[dict]:
        """`[{"name", "found", "why", "cure"}]`."""
        return [asdict(one) for one in self.findings]


def _look(at: Callable[[], Finding]) -> Finding:
    try:
        return at()
    except psutil.AccessDenied as error:
        return Finding(
            at.__name__,
            f"process {error.pid} is another user's",
            "What this line would tell is not known.",
            "as that user, or with sudo: make stop; then make lab",
        )
    except Exception as error:  # one look that fails is no reason to hide the others
        return Finding(
            at.__name__,
            f"could not be looked at: {type(error).__name__}: {error}",
            "What this line would tell is not known.",
            "make stop; make lab; make doctor",
        )


def doctor() -> Diagnosis:
    """Start the broker if that can be done, look at everything, and say what was found."""
    _start()
    with contextlib.suppress(OSError, httpx.HTTPError), dead_checks_cleared(Broker(), wait=False):
        pass
    return Diagnosis([_look(at) for at in EVERYTHING])


def ill(start: bool = False) -> list[Finding]:
    """What is wrong with the machine itself, so that no work on it could be right."""
    if start:
        _start()
    return [found for found in map(_look, VITAL) if found.cure]


def _start() -> None:
    global _failure
    _failure = None
    broker = Broker()
    try:
        broker.start()
    except (CourseError, OSError) as error:
        _failure = error
    except httpx.HTTPError:  # then the lines on the broker say so
        pass
