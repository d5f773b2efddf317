"""Run some of a project's tests with pytest, and read what each of them reported."""

import contextlib
import os
import re
import signal
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from workshop.machine import environment
from workshop.machine.patience import Busy, NotYet, wait_until
from workshop.machine.warm import Warm

LIMIT = 120  # seconds of the machine's patience, for tests that do not end
NO_TESTS = 5  # pytest's exit status


@dataclass(frozen=True)
class Outcome:
    """What one run of pytest reported."""

    status: int
    passed: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()  # each test's name, and its error
    broken: tuple[tuple[str, str], ...] = ()  # the same, where a fixture or an import failed
    output: str = ""


def run(
    folder: Path, files: Sequence[str], *, env: dict[str, str], warm: Warm, first: bool = False
) -> Outcome:
    """Run the tests of these files; with `first`, only until one of them fails.

    Raises NotYet or Busy if they do not end.
    """
    report = folder / f"report-{uuid.uuid4().hex[:8]}.xml"
    words = ["pytest", "-q", "--tb=short", "-p", "no:cacheprovider", f"--junit-xml={report}"]
    words += ["-p", "pytest_django.plugin", "-p", "anyio.pytest_plugin", "--nomigrations"]
    words += ["-x"] if first else []
    env = {**env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # other plugins take seconds to import
    log = report.with_suffix(".log")
    with log.open("wb") as out:
        job = warm.start([*words, *files], cwd=folder, env=environment.clean(**env), out=out)
    try:
        wait_until(lambda: job.poll() is not None, limit=LIMIT, what="your tests", pid=job.pid)
    finally:
        if job.poll() is None:  # as Ctrl-C: at SIGTERM, pytest ends without its fixtures' cleanup
            with contextlib.suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGINT)
            with contextlib.suppress(NotYet, Busy):
                wait_until(lambda: job.poll() is not None, limit=5, what="their end", pid=job.pid)
        job.end(grace=1)
    status, output = job.returncode or 0, log.read_text(errors="replace")
    return _read(report, status, output) if report.exists() else Outcome(status, output=output)


def _read(report: Path, status: int, output: str) -> Outcome:
    found: dict[str, list] = {"passed": [], "failure": [], "error": [], "skipped": []}
    for case in ElementTree.parse(report).iter("testcase"):
        kind, message = "passed", ""
        for child in case:
            if child.tag in found:
                kind, message = child.tag, _error(child)
        name = case.get("name", "")
        found[kind].append(name if kind == "passed" else (name, message))
    return Outcome(
        status, tuple(found["passed"]), tuple(found["failure"]), tuple(found["error"]), output
    )


def _error(found: ElementTree.Element) -> str:
    """The line of pytest's text that says what is wrong: the last that begins with `E`."""
    lines = re.findall(r"(?m)^E\s+(.*\S)", found.text or "")
    said = found.get("message", "")
    return lines[-1] if found.tag == "error" and lines else said.splitlines()[0] if said else ""
