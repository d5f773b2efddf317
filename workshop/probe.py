"""Ask something of the learner's project, in a process of its own, with a time limit.

    ask("workshop.checks.facts:app_facts", cwd=…, module="testing.workers")

runs that function in a new Python that stands in the project's folder. Whatever the
learner's code does there (a syntax error, an endless loop, sys.exit, prints), the answer
is either the function's value or a Trouble that says what happened, and where.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop.causes import likely

LIMIT = 15  # seconds


@dataclass
class Trouble(Exception):
    """The learner's code could not be asked. `where` is `file, line N` in their project."""

    what: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


def ask(function: str, *, cwd: Path, env: dict | None = None, limit: float = LIMIT, **words) -> Any:
    """The function's answer, which must be JSON. Raises Trouble."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        process = subprocess.Popen(
            [sys.executable, "-m", "workshop.probe", function, json.dumps(words), str(answer)],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise Trouble(
                f"your code was still running after {limit:g} s: is there an endless loop?"
            ) from None
        finally:
            _end_group(process)
        if not answer.exists():
            words = said.decode(errors="replace").strip()[-300:]
            raise Trouble(
                f"your code left Python (exit status {process.returncode}) before it could "
                f"be looked at: is there a sys.exit()? {words}".strip()
            )
        got = json.loads(answer.read_text())
    if "trouble" in got:
        raise Trouble(**got["trouble"])
    return got["value"]


def _end_group(process: subprocess.Popen) -> None:
    import signal

    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def explain(error: BaseException, project: Path) -> Trouble:
    """An exception of the learner's code, with the last place in their files it passed."""
    where = ""
    if isinstance(error, SyntaxError) and error.filename:
        where = _place(error.filename, error.lineno, project)
    for frame in traceback.extract_tb(error.__traceback__):
        where = _place(frame.filename, frame.lineno, project) or where
    if isinstance(error, SyntaxError):
        return Trouble(f"{type(error).__name__}: {error.msg}", where)
    if isinstance(error, SystemExit):
        return Trouble(f"sys.exit({error.code!r}) was called while your file was read", where)
    what = f"{type(error).__name__}: {error}".strip()
    cause = likely(what)
    return Trouble(f"{what} ({cause[0]})" if cause else what, where)


def _place(filename: str, line: int | None, project: Path) -> str:
    try:
        return f"{Path(filename).resolve().relative_to(project.resolve())}, line {line}"
    except ValueError:
        return ""


def main(function: str, words: str, answer: str) -> None:
    """The other side: what the new process does."""
    project = Path.cwd()
    sys.path.insert(0, str(project))
    try:
        module, name = function.split(":")
        got = {"value": getattr(importlib.import_module(module), name)(**json.loads(words))}
        text = json.dumps(got)
    except BaseException as error:  # the learner's code may raise anything at all
        trouble = explain(error, project)
        text = json.dumps({"trouble": {"what": trouble.what, "where": trouble.where}})
    Path(answer + ".new").write_text(text)
    Path(answer + ".new").replace(answer)
    sys.stdout.flush()
    os._exit(0)  # threads that the learner's code left do not keep us


if __name__ == "__main__":
    main(*sys.argv[1:])
