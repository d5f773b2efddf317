"""`make matrix`: the test suite in bare Debian 12 and 13, as root and as an ordinary user.

Each column is a fresh system in a chroot with the checkout as a learner has it: for root with
Python, make and git only, so that the run itself installs RabbitMQ and Redis; for an ordinary user
in a path with a space and an accent, where an administrator has installed both. The systems are
kept in CACHE, so that the next run starts at once; delete the folder to get newer packages.

    make matrix ONLY="debian 13, user"     one column
    make matrix ARGS="tests/course/test_sums.py"  a part of the suite: these words go to pytest
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tools.debian import (
    RELEASES,
    Chroot,
    Impossible,
    copy_checkout,
    copy_pips_settings,
    make_debian,
    need,
    require,
    run,
)

CACHE = Path("/var/cache/celery-django-course")  # where nobody but root can write
LIMIT = 3 * 3600  # seconds for a column: even on the slowest machine, it only ends a hung run
PYTHON = ("python3", "python3-venv", "make", "git")
LEARNER = "learner"
FOLDERS = {"root": "/root/course", LEARNER: f"/home/{LEARNER}/my cours é"}
COUNTED = {"passed": "passed", "failed": "failed", "error": "failed", "skipped": "skipped"}
HEAD = ["system", "Python", "RabbitMQ", "user", "passed", "failed", "skipped", "seconds", "exit"]


@dataclass
class Column:
    """One system and one user; `row` is what the table says about them."""

    number: str
    user: str
    row: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"debian {self.number}, {'root' if self.user == 'root' else 'user'}"

    @property
    def packages(self) -> tuple[str, ...]:
        return PYTHON if self.user == "root" else (*PYTHON, "rabbitmq-server", "redis-server")

    @property
    def folder(self) -> str:
        return self.name.replace(", ", "-").replace(" ", "-")


COLUMNS = [Column(number, user) for number in RELEASES for user in FOLDERS]


def chosen(only: str) -> list[Column]:
    """The columns that have all words of `only` in their names: all of them for ""."""
    words = set(re.findall(r"\w+", only.lower()))
    found = [one for one in COLUMNS if words <= set(re.findall(r"\w+", one.name))]
    if not found:
        names = "; ".join(one.name for one in COLUMNS)
        raise Impossible(f'ONLY="{only}" names no column. There are: {names}')
    return found


def counts(said: str) -> Counter:
    """How many tests passed, failed (or had an error) and were skipped, by pytest's last lines."""
    total = Counter()
    for line in re.findall(r"^(?:=+ )?(\d+ \w+.*) in [\d.]+s\b", said, re.M):
        for number, word in re.findall(r"(\d+) (passed|failed|error|skipped)", line):
            total[COUNTED[word]] += int(number)
    return total


def table(columns: list[Column]) -> str:
    rows = [HEAD, *([one.row.get(name, "–") for name in HEAD] for one in columns)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


# --- one column --------------------------------------------------------------------------------


def prepared(column: Column) -> Path:
    """The system with its packages, from the cache if it is there."""
    kept = CACHE / f"{column.folder}-system"
    if not kept.exists():
        print(f"· {column.name}: installing the system …", flush=True)
        new = CACHE / f"{column.folder}-new"
        shutil.rmtree(new, ignore_errors=True)
        make_debian(RELEASES[column.number], new)
        with Chroot(new) as inside:
            inside.install(*column.packages)
        (new / "usr/sbin/policy-rc.d").unlink()  # a learner's machine has none
        new.rename(kept)
    return kept


@contextlib.contextmanager
def fresh(column: Column) -> Iterator[Chroot]:
    """A copy of that system with the checkout in it; afterwards, it and its processes are gone."""
    system = prepared(column)
    root = CACHE / f"{column.folder}-running"
    shutil.rmtree(root, ignore_errors=True)  # of a run that was killed: nothing is mounted there
    try:
        need("cp", "--archive", "--reflink=auto", system, root)
        with Chroot(root) as inside:
            if column.user != "root":
                inside.add_user(column.user, 1000)
            copy_pips_settings(root, inside.home(column.user))
            folder = FOLDERS[column.user]
            copy_checkout(root / folder.lstrip("/"))
            owner = f"{column.user}:{column.user}"
            inside("root", "chown", "-R", owner, inside.home(column.user), folder)
            yield inside
        column.row["left"] = ", ".join(inside.leftovers())
    finally:
        shutil.rmtree(root, ignore_errors=True)


def prove(column: Column, arguments: str) -> None:
    """Run the suite there as the README says; fill in the row."""
    log = CACHE / f"{column.folder}.log"
    number, user = column.number, column.user
    column.row |= {"system": f"Debian {number}", "user": "root" if user == "root" else "user"}
    with fresh(column) as inside:
        column.row["Python"] = inside(user, "python3", "-V").split()[1]
        print(f"· {column.name}: make test {arguments}\n  {log}", flush=True)
        begun = time.monotonic()
        with log.open("w") as out:
            command = inside.words(user, "make", "test", f"ARGS={arguments}", cwd=FOLDERS[user])
            try:
                status = run(*command, stdout=out, timeout=LIMIT).returncode
            except subprocess.TimeoutExpired:
                status = 124  # as with `timeout`
                print(f"✗ {column.name}: ended after {LIMIT} s")
        column.row["seconds"] = f"{time.monotonic() - begun:.0f}"
        asked = ("dpkg-query", "-f", "${Version}", "-W", "rabbitmq-server")
        version = run(*inside.words("root", *asked)).stdout
        column.row["RabbitMQ"] = version.split("-")[0] if version[:1].isdigit() else "none"
    said = log.read_text(errors="replace")
    total = counts(said)
    column.row |= {name: str(total[name]) for name in ("passed", "failed", "skipped")}
    if column.row["left"]:
        print(f"✗ {column.name}: left behind: {column.row['left']}")
        status = status or 1
    if not total and status == 0:
        print(f"✗ {column.name}: no test ran")
        status = 1
    column.row["exit"] = str(status)
    blamed = re.findall(r"^(?:FAILED|ERROR) .*", said, re.M)
    for line in blamed or (said.splitlines()[-12:] if status else []):
        print(f"  {line[:200]}")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One matrix at a time; the kernel releases the lock of a dead one."""
    CACHE.mkdir(mode=0o700, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Impossible("another `make matrix` is running: wait for its end") from None
        yield


def _stop(*_) -> None:
    raise KeyboardInterrupt


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):  # what has been copied is removed, too
        signal.signal(number, _stop)
    only, arguments = os.environ.get("ONLY", ""), os.environ.get("ARGS", "")
    try:
        columns = chosen(only)
        require()
        with alone():
            for column in columns:
                try:
                    prove(column, arguments)
                except AssertionError as why:  # a setup command failed; the others go on
                    column.row["exit"] = "set-up"
                    print(f"✗ {column.name}: {why}", flush=True)
    except Impossible as why:
        print(f"✗ make matrix: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    print("\n" + table(columns))
    return 0 if all(one.row["exit"] == "0" for one in columns) else 1


if __name__ == "__main__":
    sys.exit(main())
