"""Ask something of the learner's project, in a process of its own, with a time limit.

    ask("workshop.checks.facts:app_facts", cwd=…, module="testing.workers")

runs that function in a new Python process in the project's folder. Whatever the
learner's code does there (a syntax error, an endless loop, sys.exit, prints), the answer
is either the function's value or a Trouble that says what happened, and where.
"""

import contextlib
import importlib
import json
import os
import re
import signal
import site
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from workshop.causes import likely_cause
from workshop.machine import environment
from workshop.machine.kernel import cpu_seconds
from workshop.machine.patience import NotYet, wait_until
from workshop.machine.warm import Job, Warm

#: seconds of processor time; what a stage asks of a learner's code takes about one
ENDLESS = 12
#: seconds of the machine's patience, for code that neither works nor ends
ASLEEP = 30
LIBRARIES = ("celery", "kombu", "amqp", "django", "rest_framework", "dotenv")


@dataclass
class Trouble(Exception):
    """The learner's code could not be asked. `where` is `file, line N` in their project.

    `cause` is what `what` most likely means, where that is known.
    """

    what: str
    where: str = ""
    hints: tuple[str, ...] = ()
    cause: str = ""

    def __str__(self) -> str:
        what = f"{self.what} ({self.cause})" if self.cause else self.what
        return f"{self.where}: {what}" if self.where else what


def ask(
    function: str, *, cwd: Path, env: dict | None = None, warm: Warm | None = None, **words
) -> Any:
    """The function's answer, which must be JSON. Raises Trouble."""
    return value(ask_all({function: words}, cwd=cwd, env=env, warm=warm)[function])


def value(answer: dict) -> Any:
    """The value in one answer of `ask_all`. Raises Trouble if that is what it holds."""
    if "trouble" in answer:
        raise Trouble(**answer["trouble"])
    return answer["value"]


def ask_all(
    asked: dict[str, dict],
    *,
    cwd: Path,
    env: dict | None = None,
    warm: Warm | None = None,
) -> dict[str, dict]:
    """Call several functions, given by name with their arguments, in one process, in turn.

    Answers come by the same names, for `value`. Raises Trouble if the process ends before it
    has answered, has used ENDLESS seconds of processor time, or does nothing for ASLEEP seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer, said = Path(folder) / "answer.json", Path(folder) / "said.txt"
        words = ["workshop.project.probe", json.dumps(asked), str(answer)]
        variables = environment.clean(**(env or {}))
        with said.open("wb") as out:
            start = warm.start if warm else _start_cold
            process = start(words, cwd=cwd, env=variables, out=out)
        try:
            _until_over(process)
        finally:
            _end_group(process)
        if not answer.exists():
            last = said.read_text(errors="replace").strip()
            if hidden := _hides(last, cwd):
                raise Trouble(**hidden)
            last = last[-300:]
            raise Trouble(
                f"your code left Python (exit status {process.returncode}) before it could "
                f"be looked at: is there a sys.exit()? {last}".strip()
            )
        return json.loads(answer.read_text())


def _start_cold(
    words: list[str], *, cwd: Path, env: dict[str, str], out: BinaryIO
) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=out,
        start_new_session=True,
    )


def _until_over(process: subprocess.Popen | Job) -> None:
    """Return when it has ended. Raises Trouble, which tells a loop from a sleep."""
    started = cpu_seconds(process.pid)

    def is_over() -> bool:
        if process.poll() is None and cpu_seconds(process.pid) - started > ENDLESS:
            raise Trouble(
                f"your code used {ENDLESS} s of processor time and had not ended: is there an "
                "endless loop?"
            )
        return process.poll() is not None

    try:
        # a busy loop is ended by its processor time, long before
        limit = ASLEEP + ENDLESS
        wait_until(is_over, limit=limit, what="the end of your code", pid=process.pid)
    except NotYet:
        raise Trouble(
            f"your code had not ended after {ASLEEP} s, most of which it waited: does it wait "
            "for something, a connection, a lock, an input?"
        ) from None


def _end_group(process: subprocess.Popen | Job) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: process.poll() is not None, limit=10, what="the end of a killed process")


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
    return Trouble(what, where, cause="; ".join(likely_cause(what) or ()))


def _place(filename: str, line: int | None, project: Path) -> str:
    if filename.startswith("<"):
        return ""
    try:
        return f"{Path(filename).resolve().relative_to(project.resolve())}, line {line}"
    except ValueError:
        return ""


def _hides(said: str, project: Path) -> dict | None:
    """A file next to manage.py that an error names, and that has the name of a module."""
    for folder in (project.resolve(), project):
        said = said.replace(str(folder), ".")
    for path in re.findall(r"[^\s\"'()]+\.py\b", said):
        file = Path(path)
        if file.parent == Path(".") and (project / file).is_file():
            name = file.stem
            if name in sys.stdlib_module_names or name in LIBRARIES:
                return _hidden(name, str(file))
    return None


def _hidden(name: str, place: str) -> dict:
    inside = os.path.relpath(place)
    cure = f"Give {inside} another name, or move it into the package that it belongs to."
    if inside.startswith(".."):
        inside, cure = place, "Look for this folder in `echo $PYTHONPATH` and in sys.path."
    return {
        "what": f"`import {name}` finds this, not the real {name}",
        "where": inside,
        "hints": (
            f"Which file does Python read for `import {name}`?",
            "Python looks in the folder of manage.py and in PYTHONPATH before the libraries.",
            cure,
        ),
    }


def _elsewhere() -> dict | None:
    """A library that was imported from another place than the one it is installed in."""
    homes = (*site.getsitepackages(), site.getusersitepackages())
    for name in LIBRARIES:
        module = sys.modules.get(name)
        files = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        file = next((os.path.abspath(file) for file in files if file), "")
        if file and not file.startswith(tuple(os.path.join(home, "") for home in homes)):
            return _hidden(name, file.removesuffix("/__init__.py"))
    return None


def _answer(function: str, words: dict, project: Path) -> dict:
    try:
        module, name = function.split(":")
        found = getattr(importlib.import_module(module), name)(**words)
        json.dumps(found)
    except BaseException as error:  # the learner's code may raise anything at all
        trouble = explain(error, project)
        told = {"what": trouble.what, "where": trouble.where, "cause": trouble.cause}
        return {"trouble": _elsewhere() or _hides(f"{trouble}", project) or told}
    hidden = _elsewhere()
    return {"trouble": hidden} if hidden else {"value": found}


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
