"""The machine: Python, packages, memory, disk, names."""

import contextlib
import importlib.metadata
import multiprocessing
import os
import platform
import resource
import shutil
import socket
import sys
from pathlib import Path

from packaging.requirements import Requirement

from workshop import places
from workshop.health.finding import REINSTALL, Finding
from workshop.machine.kernel import CORES, load_per_core, top_cpu_users

FREE_MB = 300
FILES = 1024
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


def python() -> Finding:
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding(
        "Python",
        platform.python_version(),
        *(
            ()
            if fine
            else (
                "The pinned Celery and Django do not support this version.",
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
            "Python finds it before the version that the course uses.",
            "unset PYTHONPATH; make stop; make lab",
        )
    if other:
        return Finding(
            "packages",
            f"not the pinned version: {', '.join(other)}",
            "The lessons were run with the pinned versions; others may print something else.",
            REINSTALL,
        )
    subject = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("celery", "kombu", "django")
    )
    return Finding("packages", f"as pinned: {subject}")


def is_installed(locked: Requirement) -> bool:
    try:
        return locked.specifier.contains(importlib.metadata.version(locked.name), True)
    except importlib.metadata.PackageNotFoundError:
        return False


def _is_on_pythonpath(name: str) -> bool:
    paths = [Path(one) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found = Path(str(importlib.metadata.distribution(name).locate_file("")))
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
            "line endings",
            f"Windows line endings in {shown}{' …' if bad[2:] else ''}",
            "git wrote them (core.autocrlf=true). `sh` reads the CR as part of the last word.",
            "git rm -rq --cached . && git reset -q --hard, then: workshop reset STAGE",
        )
    return Finding("line endings", "as `sh` expects them")


def kernel() -> Finding:
    """Which kernel runs the cells: another one of the same name may take precedence."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("kernel", "there is no python3 kernel", _NO_CELL, REINSTALL)
    command = spec.argv[0]
    # the name alone means: the Python that Jupyter itself runs on
    own = not os.path.isabs(command) or Path(command).parent == places.VENV_BIN
    if not own:
        return Finding(
            "kernel",
            f"python3 is {command}",
            "The notebooks would run in a Python without the course's packages.",
            f"rm -r {Path(spec.resource_dir)}",
        )
    return Finding("kernel", "the notebooks run in this .venv")


_NO_CELL = "No notebook cell can run."


def names() -> Finding:
    """`localhost` means this machine, by IPv4 or IPv6."""
    try:
        addresses = sorted({str(info[4][0]) for info in socket.getaddrinfo("localhost", None)})
    except OSError:
        addresses = []
    host = socket.gethostname() or "(none)"
    if not addresses or not set(addresses) <= {"127.0.0.1", "::1"}:
        return Finding(
            "localhost",
            f"means {', '.join(addresses) or 'nothing'}",
            "The broker's address names localhost, which would lead to another machine.",
            "add the line `127.0.0.1 localhost` to /etc/hosts",
        )
    return Finding("localhost", f"is this machine: {', '.join(addresses)} (host name {host})")


def pool() -> Finding:
    """What a worker's child processes need from the system."""
    system = platform.system()
    if system == "Windows":
        return Finding(
            "pool",
            "Windows",
            "Celery's child processes need fork: `not enough values to unpack` otherwise.",
            "work inside WSL2 or Docker; for a single worker: --pool=solo",
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
        return Finding("pool", "macOS: if a worker dies with `objc … fork`, add --pool=solo")
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
    """How many programs want the processor. A busy machine is no problem: checks allow for it."""
    wanted = load_per_core()
    cores = f"{CORES} core{'s' if CORES > 1 else ''}"
    if wanted < 2:
        return Finding("load", f"{cores}, with time to spare")
    return Finding(
        "load",
        f"busy: {wanted:.0f} programs compete for each of {cores}, "
        f"most of all {'; '.join(top_cpu_users())}. "
        "Checks take longer, but their answers are the same",
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
    return Finding("limits", "enough open files and inotify instances")


def _inotify_used() -> int:
    """Inotify instances of this user's processes."""
    used = 0
    for one in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if one.stat().st_uid == os.getuid():
                used += sum(os.readlink(fd) == "anon_inode:inotify" for fd in one.iterdir())
    return used
