"""Make this checkout ready: .venv, the locked packages, RabbitMQ.

Runs as a plain script on any Python 3.6 or later, with nothing installed, so
that even an old Python can say what to do. Work is stamped only once it is
complete: if a run is stopped, the next one picks up where it left off.
"""

import os
import sys

# by hand, because PYTHONSAFEPATH takes it off the path
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from workshop.broker.binaries import find_sbin
from workshop.machine import environment

sys.path.pop(0)

# drop the shell's Python variables before anything else is imported
if __name__ == "__main__":
    environment.start_again()

import argparse
import contextlib
import fcntl
import glob
import hashlib
import platform
import shlex
import shutil
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MADE_VENV = os.environ.get("COURSE_VENV")  # an image provides one, outside the checkout
VENV = MADE_VENV or os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "course-stamp")
LOG = os.path.join(VENV, "setup.log")
NEEDED_MB = 1200
NEWER = ("python3.13", "python3.12", "python3.11")
# Debian's package alone, without its service; also for workshop/machine/packages.py
INSTALL = os.path.join(ROOT, "workshop", "machine", "install.sh")


class Trouble(Exception):
    """What is wrong, and the next thing to type."""

    def __init__(self, cause, cure):
        super().__init__(cause)
        self.cause = cause
        self.cure = cure


class Steps:
    """Progress on the terminal: a line when a long step begins, one when it is done."""

    def __init__(self, quiet):
        self.quiet = quiet
        self.lock = threading.Lock()

    def say(self, mark, name, text):
        if not self.quiet:
            with self.lock:
                print(f"{mark} {name:<9} {text}", flush=True)

    @contextlib.contextmanager
    def step(self, name, doing):
        """Time a step; the body may append what was done to the list it is given."""
        self.say("·", name, doing + " …")
        begun, done = time.monotonic(), []
        yield done
        text = done[-1] if done else doing
        self.say("✓", name, f"{text} ({time.monotonic() - begun:.1f} s)")


def right_python():
    """Go on with a Python the course supports, or say how to get one."""
    if sys.version_info >= (3, 11):
        return
    for name in NEWER:
        found = shutil.which(name)
        if found:
            os.execv(found, [found] + sys.argv)
    raise Trouble(
        f"Python {platform.python_version()} is too old: the course needs 3.11, 3.12 or 3.13.",
        by_system(
            debian="on Debian 12 or Ubuntu 24.04 and later: apt-get install python3 python3-venv",
            mac="brew install python@3.13",
            other="install Python 3.13, so that `python3.13` is on PATH",
        ),
    )


def by_system(debian, mac, other):
    if sys.platform == "darwin":
        return mac
    return debian if shutil.which("apt-get") else other


def sudo(command):
    return command if os.geteuid() == 0 else "sudo " + command


def room_to_work():
    """Check that the checkout can be written to, and has room."""
    probe = os.path.join(ROOT, f".writable-{os.getpid()}")
    try:
        with open(probe, "w") as file:
            file.write("yes")
    except OSError as error:
        raise Trouble(
            f"this checkout cannot be written to: {error.strerror}.",
            "copy it to a folder of your own: cp -r . ~/celery-course && cd ~/celery-course",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            os.remove(probe)
    if MADE_VENV:
        return
    free = shutil.disk_usage(ROOT).free // 2**20
    if free < NEEDED_MB and not os.path.exists(STAMP):
        raise Trouble(
            f"only {free} MB are free on this disk; the course needs {NEEDED_MB} MB.",
            "make room (df -h . shows the disk), then type the same command again",
        )


def can_be_named():
    """Check that programs here can be found on PATH, whose folders are separated by colons."""
    if os.pathsep in ROOT:
        raise Trouble(
            f"this folder's path has a {os.pathsep} in it, and no program is found there: {ROOT}",
            "move it: mv {} ~/celery-course && cd ~/celery-course".format(shlex.quote(ROOT)),
        )


def fingerprint():
    """What the stamp must contain for .venv to be complete and up to date."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return f"{digest.hexdigest()[:16]} {platform.python_version()} {ROOT}\n"


def stamped():
    try:
        with open(STAMP, encoding="utf-8") as file:
            return file.read() == fingerprint() and os.path.exists(PYTHON)
    except (OSError, UnicodeDecodeError):
        return False


def logged(command, **options):
    """Run a command with its output in the log; return True if it succeeded."""
    with open(LOG, "ab") as log:
        return (
            subprocess.call(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **options)
            == 0
        )


def log_tail(lines=12):
    try:
        with open(LOG, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError:
        return ""


def make_venv(steps):
    """Make .venv, with exactly the packages in requirements.txt."""
    if stamped():
        return
    if MADE_VENV and os.path.exists(VENV):
        raise Trouble(
            "this image was made from another requirements.txt or pyproject.toml.",
            "outside the container: docker compose build",
        )
    if os.path.exists(VENV) and not os.path.exists(STAMP):
        steps.say("·", "venv", "a half-made .venv is here: it is made anew")
    try:
        import ensurepip
        import venv
    except ImportError:
        raise Trouble(
            "this Python has no venv module.",
            by_system(
                debian=sudo("apt-get install python{}.{}-venv".format(*sys.version_info[:2])),
                mac="brew install python@3.13",
                other="install your system's package for Python's venv module",
            ),
        ) from None
    assert ensurepip
    with steps.step("venv", f"Python {platform.python_version()}"):
        venv.create(VENV, clear=True, with_pip=True, symlinks=True)
    with steps.step("packages", "installing requirements.txt") as done:
        uv = find_uv()
        install_packages(uv)
        spell_paths_in_ascii()
        done.append("installed by {}".format("uv" if uv else "pip"))
    with open(STAMP + ".new", "w", encoding="utf-8") as file:
        file.write(fingerprint())
    os.replace(STAMP + ".new", STAMP)


def find_uv():
    """The path of uv, which is installed in .venv if the machine has none; None if that fails."""
    uv = shutil.which("uv")
    if uv:
        return uv
    # try uv first, on its own: pip takes over only if uv cannot be installed
    quick = [PYTHON, "-m", "pip", "install", "--retries", "1", "--only-binary=:all:", "uv"]
    uv = os.path.join(VENV, "bin", "uv")
    return uv if logged(quick) and os.path.exists(uv) else None


def install_packages(uv):
    """Install requirements.txt with uv, or with pip if `uv` is None. Raises Trouble."""
    if uv:
        command = [uv, "pip", "install", "--python", PYTHON, "-r", "requirements.txt"]
    else:
        command = [PYTHON, "-m", "pip", "install", "--retries", "1", "-r", "requirements.txt"]
    fine = logged(command, cwd=ROOT)
    if not fine and uv and "certificate" in log_tail():
        # uv brings certificates of its own; a company's are in the system's store
        own = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
        fine = logged(command, cwd=ROOT, env=dict(os.environ, **own))
    if not fine:
        raise installer_trouble(log_tail())


def spell_paths_in_ascii():
    """Make this checkout findable on Python's path in every locale.

    Python 3.11 reads the .pth file that names it with the locale's encoding, and exits if it
    cannot; a line that begins with `import` can express the same in ASCII.
    """
    for file in glob.glob(
        os.path.join(glob.escape(VENV), "lib", "python*", "site-packages", "*.pth")
    ):
        with open(file, "rb") as old:
            lines = old.read().splitlines()
        if any(max(line, default=0) > 127 and os.path.isdir(line) for line in lines):
            code = "import sys, os; sys.path.append(os.fsdecode({!r}))"
            with open(file + ".new", "w", encoding="ascii") as new:
                new.writelines(code.format(line) + "\n" for line in lines if line)
            os.replace(file + ".new", file)


def installer_trouble(said):
    """The installer's last words, as a cause and a cure."""
    low = said.lower()
    if "no space left" in low:
        return Trouble("the disk is full.", "make room (df -h . shows the disk), then again")
    if "certificate" in low:
        return Trouble(
            "the package index's certificate is not trusted here. The installer said:\n" + said,
            "name the file with your network's certificates: "
            "export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
        )
    offline = (
        "error sending request",
        "dns error",
        "failed to fetch",
        "connection",
        "retries",
        "could not find a version that satisfies the requirement",
        "timed out",
    )
    if any(word in low for word in offline):
        return Trouble(
            "the Python package index cannot be reached. The installer said:\n" + said,
            "look at the network (behind a proxy: export HTTPS_PROXY=http://HOST:PORT), "
            "then type the same command again",
        )
    return Trouble(
        "the packages could not be installed. The installer said:\n" + said,
        "the whole log: less .venv/setup.log",
    )


def rabbitmq_found():
    """Look in the same places as workshop/broker/binaries.py, which says why."""
    return find_sbin()


def may_install():
    """How to become root here without a password prompt: a command prefix, or None."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.call(
            ["sudo", "-n", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        == 0
    ):
        return ["sudo", "-n"]
    return None


def no_rabbitmq():
    cure = by_system(
        debian="sudo apt-get install rabbitmq-server",
        mac="brew install rabbitmq",
        other="unpack RabbitMQ's generic-unix build, then: export RABBITMQ_HOME=ITS_FOLDER",
    )
    if os.path.exists(os.path.join(ROOT, "docker-compose.yml")):
        cure += "\n  or, with Docker and nothing else: docker compose up"
    return Trouble(
        "RabbitMQ is not on this machine, and installing it needs a right you do not have here.",
        cure,
    )


def install_rabbitmq(steps, become, log):
    """Install Debian's package, without its service; apt's output goes to `log`."""
    with steps.step("RabbitMQ", "installing Debian's package") as done:
        with open(log, "wb") as out:
            code = subprocess.call(
                become + ["sh", INSTALL, "rabbitmq-server"],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )
        if code or not rabbitmq_found():
            with open(log, encoding="utf-8", errors="replace") as file:
                said = "".join(file.readlines()[-12:])
            raise Trouble(
                "RabbitMQ could not be installed. apt-get said:\n" + said,
                "mend what it names, then: " + sudo("apt-get install rabbitmq-server"),
            )
        done.append("installed, its system service left off")


def set_up(steps):
    """Install the packages and RabbitMQ, side by side."""
    room_to_work()
    become = None
    if not rabbitmq_found():
        become = may_install()
        if become is None:
            raise no_rabbitmq()
    troubles = []

    def broker():
        try:
            install_rabbitmq(steps, become, os.path.join(ROOT, ".rabbitmq-install.log"))
        except Trouble as trouble:
            troubles.append(trouble)

    beside = threading.Thread(target=broker) if become is not None else None
    if beside:
        beside.start()
    try:
        make_venv(steps)
    finally:
        if beside:
            beside.join()
    if troubles:
        raise troubles[0]
    with contextlib.suppress(OSError):
        os.remove(os.path.join(ROOT, ".rabbitmq-install.log"))


def get_browser(steps):
    """Install Playwright into .venv; Chromium from Debian's package if that is allowed."""
    if subprocess.call([PYTHON, "-c", "import playwright"], stderr=subprocess.DEVNULL):
        with steps.step("Playwright", "installing") as done:
            command = [PYTHON, "-m", "pip", "install", "-q", "-e", ".[browser]"]
            if not logged(command, cwd=ROOT):
                raise installer_trouble(log_tail())
            done.append("installed")
    if any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        return
    become = may_install()
    cure = by_system(
        debian="sudo apt-get install chromium",
        mac="brew install --cask google-chrome",
        other="install Chromium or Chrome",
    )
    if become is None:
        raise Trouble("Chromium is not on this machine.", cure)
    with steps.step("Chromium", "installing Debian's package") as done:
        with open(LOG, "ab") as out:
            install = "apt-get update -q && apt-get install -qy --no-install-recommends chromium"
            code = subprocess.call(
                become + ["env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", install],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )
        if code:
            raise Trouble("Chromium could not be installed: less .venv/setup.log", cure)
        done.append("installed")


@contextlib.contextmanager
def setup_lock():
    """Allow one setup at a time in one checkout; the lock of a dead one is gone with it."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("· another set-up is at work in this checkout: waiting for it …", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quiet", action="store_true", help="say something only when it fails")
    parser.add_argument("--packages", action="store_true", help=".venv alone, without RabbitMQ")
    parser.add_argument(
        "--browser", action="store_true", help="what the journey through Lab needs, too"
    )
    options = parser.parse_args()
    try:
        right_python()
        can_be_named()
        with setup_lock():
            with contextlib.suppress(OSError):  # then room_to_work says what is wrong
                environment.find_home(os.path.join(ROOT, ".rabbitmq", "home"))
            steps = Steps(options.quiet and stamped())
            make_venv(steps) if options.packages else set_up(steps)
            if options.browser:
                get_browser(Steps(options.quiet))
    except Trouble as trouble:
        print(f"✗ {trouble.cause}\n  → {trouble.cure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the next run goes on from here", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"✗ {error}", file=sys.stderr)
        print("  → mend that, then type the same command again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    environment.print_marks()
    sys.exit(main())
