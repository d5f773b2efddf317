"""Install a package of Debian's where this user may, without a password prompt.

tools/bootstrap.py, which runs before there is a .venv, does the same for RabbitMQ.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from workshop.errors import CourseError
from workshop.machine import environment, patience

SCRIPT = Path(__file__).with_name("install.sh")


def may_install() -> list[str] | None:
    """How to become root here without a password prompt: a command prefix, or None."""
    if sys.platform == "darwin" or not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    if shutil.which("sudo") and not subprocess.run([*sudo, "true"], capture_output=True).returncode:
        return sudo
    return None


def by_system(debian: str, mac: str, other: str) -> str:
    """What to type here to install something. `debian` is the name of a package."""
    if sys.platform == "darwin":
        return mac
    if not shutil.which("apt-get"):
        return other
    return "sudo " * (os.geteuid() != 0) + f"apt-get install {debian}"


def install(package: str, cure: str) -> None:
    """Install Debian's `package`, without starting its service, and report it in one line.

    Raises CourseError with `cure` if this user may not, or if apt-get fails.
    """
    become = may_install()
    if become is None:
        raise CourseError(
            f"{package} is not on this machine, and installing it needs a right you do not have "
            "here.",
            cure,
        )
    if (
        "PYTEST_VERSION" not in os.environ
    ):  # a test compares what a cell prints with the saved output
        print(f"· installing Debian's package {package} …", file=sys.__stderr__, flush=True)
    if patience.report_wait:
        patience.report_wait(f"the installation of Debian's package {package}", 0)
    with tempfile.TemporaryFile() as log:  # a pipe might be held open by what apt-get starts
        script = subprocess.Popen(
            [*become, "sh", str(SCRIPT), package],
            env=environment.clean(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            code = script.wait()
        except KeyboardInterrupt:
            script.wait()  # it got the signal, too: if it were killed, the policy file would stay
            raise
        finally:
            if patience.report_wait:
                patience.report_wait("", 0)
        if code:
            log.seek(0)
            lines = log.read().decode(errors="replace").splitlines()[-12:]
            said = "\n".join(f"    {line}" for line in lines)
            raise CourseError(
                f"{package} could not be installed. apt-get said:\n{said}",
                f"fix what it names, then: {cure}",
            )
