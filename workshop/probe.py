"""Ask something of the learner's project, in a process of its own, with a time limit.

    ask("workshop.facts:app_facts", cwd=…, module="testing.workers")

runs that function in a new Python that stands in the project's folder. Whatever the
learner's code does there (a syntax error, an endless loop, sys.exit, prints), the answer
is either the function's value or a Trouble that says what happened, and where.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop import environment
from workshop.causes import likely

LIMIT = 15  # seconds


@dataclass
class Trouble(Exception):
    """The learner's code could not be asked. `where` is `file, line N` in their project."""

    what: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


def ask(function: str, *, cwd: Path, env: dict | None = None, limit: float = 0, **words) -> Any:
    """The function's answer, which must be JSON. Raises Trouble."""
    return value(ask_all({function: words}, cwd=cwd, env=env, limit=limit)[function])


def value(answer: dict) -> Any:
    """What one answer of `ask_all` holds. Raises Trouble if it is one."""
    if "trouble" in answer:
        raise Trouble(**answer["trouble"])
    return answer["value"]


def ask_all(
    asked: dict[str, dict],
    *,
    cwd: Path,
    env: dict | None = None,
    limit: float = 0,
    python: list[str] | None = None,
) -> dict[str, dict]:
    """Several functions, by their names with their arguments, in one process, in turn.

    Their answers by the same names, for `value`. Raises Trouble if the process ends or is
    still running after `limit` seconds, LIMIT of them if it is not given. `python` stands
    for `python -m`.
    """
    limit = limit or LIMIT
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        process = subprocess.Popen(
            [
                *(python or [sys.executable, "-m"]),
                *("workshop.probe", json.dumps(asked), str(answer)),
            ],
            cwd=cwd,
            env=environment.clean(**(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with process.stdout:
                said, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise Trouble(
                f"your code was still running after {limit:g} s: is there an endless loop?"
            ) from None
        finally:
            _end_group(process)
        if not answer.exists():
            last = said.decode(errors="replace").strip()[-300:]
            raise Trouble(
                f"your code left Python (exit status {process.returncode}) before it could "
                f"be looked at: is there a sys.exit()? {last}".strip()
            )
        return json.loads(answer.read_text())


def _end_group(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def explain(error: BaseException, project: Path) -> Trouble:
    """An exception of the learner's code, with the last place in their files it passed."""
    where = ""
    if isinstance(error, SyntaxError) and error.filename:
        where = _place(error.filename, error.lineno, project)
    if isinstance(error, SyntaxError):
        return Trouble(f"{type(error).__name__}: {error.msg}", where)
    for frame in traceback.extract_tb(error.__traceback__):
        where = _place(frame.filename, frame.lineno, project) or where
    if isinstance(error, SystemExit):
        return Trouble(f"sys.exit({error.code!r}) was called while your file was read", where)
    what = f"{type(error).__name__}: {error}".strip()
    cause = likely(what)
    return Trouble(f"{what} ({'; '.join(cause)})" if cause else what, where)


def _place(filename: str, line: int | None, project: Path) -> str:
    if filename.startswith("<"):
        return ""
    try:
        return f"{Path(filename).resolve().relative_to(project.resolve())}, line {line}"
    except ValueError:
        return ""


def _answer(function: str, words: dict, project: Path) -> dict:
    try:
        module, name = function.split(":")
        found = getattr(importlib.import_module(module), name)(**words)
        json.dumps(found)
    except BaseException as error:  # the learner's code may raise anything at all
        trouble = explain(error, project)
        return {"trouble": {"what": trouble.what, "where": trouble.where}}
    return {"value": found}


def main(asked: str, answer: str) -> None:
    """The other side: what the new process does."""
    project = Path.cwd()
    sys.path.insert(0, str(project))
    got = {name: _answer(name, words, project) for name, words in json.loads(asked).items()}
    text = json.dumps(got)
    Path(answer + ".new").write_text(text)
    Path(answer + ".new").replace(answer)
    sys.stdout.flush()
    os._exit(0)  # threads that the learner's code left do not keep us


if __name__ == "__main__":
    main(*sys.argv[1:])
