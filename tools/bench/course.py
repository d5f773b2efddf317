"""How long the course takes: setup, Lab, the verbs, each stage, the notebooks."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tools.bench.rows import Row, clock, ratio, seconds_of
from tools.refresh import CELL_SECONDS, temporary_home
from workshop import checks, places
from workshop.broker.node import Broker
from workshop.desk import stages
from workshop.errors import CourseError
from workshop.lab import jupyter

SETUP_RATIO, LAB_RATIO, NBVAL_RATIO = 0.6, 1.2, 1.15
VERB_SECONDS, DOCTOR_SECONDS, MISTAKES_SECONDS = 0.5, 3, 60
BEGIN_SECONDS = 2
CHECK_SECONDS = {"06": 4, "07": 4, "08": 12, "09": 6, "10": 6, "11": 4, "12": 6, "13": 6}
CHECK_SECONDS |= {
    "14": 8,
    "15": 14,
    "16": 40,
    "17": 30,
    "18": 12,
    "20": 12,
    "E1": 8,
    "E2": 6,
    "E3": 8,
    "E4": 8,
}


def setup() -> list[Row]:
    """Cold: no .venv, no cache, packages from the index."""
    cold = {**os.environ, "UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"}
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours", Path(folder) / "theirs"
        for copy in (ours, theirs):
            for name in ("workshop", "tools"):
                shutil.copytree(places.CHECKOUT / name, copy / name)
            for name in ("pyproject.toml", "requirements.txt", "README.md"):
                shutil.copy(places.CHECKOUT / name, copy)
        base = [getattr(sys, "_base_executable", sys.executable)]
        silent = subprocess.DEVNULL
        quiet = {"stdout": silent, "stderr": silent, "check": True, "env": cold}
        with clock() as bare:
            subprocess.run([*base, "-m", "venv", ".venv"], cwd=theirs, **quiet)
            pip = [".venv/bin/python", "-m", "pip", "install", "-q", "-r", "requirements.txt"]
            subprocess.run(pip, cwd=theirs, **quiet)
        with clock() as took:
            subprocess.run([*base, "tools/bootstrap.py"], cwd=ours, **quiet)
    return [ratio("cold set-up / bare pip install", took[0], bare[0], SETUP_RATIO)]


def warm_lab() -> list[Row]:
    """`make lab` with everything installed, until Jupyter answers and the broker is ready."""
    if next(jupyter.servers(), None):
        raise CourseError("JupyterLab runs in this checkout already.", "make stop")
    with temporary_home():
        with clock() as alone:
            server = jupyter.until_ready(jupyter.launch())
        jupyter.end(server)
    with temporary_home(), clock() as boot:
        Broker().start()
    with temporary_home():
        with clock() as both:
            command = [sys.executable, "-m", "workshop", "lab"]
            running = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, env={**os.environ, "CI": "true"}
            )
            for line in running.stdout:
                if "open  http" in line:
                    break
        running.terminate()
        running.wait()
    slower = max(alone[0], boot[0])
    return [ratio("warm make lab / the slower of its two", both[0], slower, LAB_RATIO)]


def stage_times() -> list[Row]:
    """Begin and check each solved stage, each in a separate process."""
    rows: list[Row] = []
    with temporary_home():
        Broker().start()
        for stage in [one for one in stages.all_stages() if not one.is_sick]:
            code = f"import workshop; workshop.begin({stage.number!r})"
            with clock() as took:
                subprocess.run([sys.executable, "-c", code], check=True)
            fine = took[0] <= BEGIN_SECONDS
            rows.append((f"begin {stage.number}", f"{took[0]:.2f} s", f"≤ {BEGIN_SECONDS} s", fine))
            with clock() as took:
                found = checks.check(stage)
            if not found.passed:
                raise CourseError(f"the solution of {stage.name} does not pass", "make test")
            limit = CHECK_SECONDS.get(stage.number, 2)
            rows.append(seconds_of(f"check {stage.number}", took[0], limit))
    return rows


def notebooks() -> list[Row]:
    """All notebooks under nbval, compared with only executing them."""
    files = sorted(places.NOTEBOOKS.glob("*.ipynb"))
    with temporary_home(), clock() as bare:
        for file in files:
            NotebookClient(
                nbformat.read(file, as_version=4),
                timeout=CELL_SECONDS,
                kernel_name="python3",
                resources={"metadata": {"path": str(file.parent)}},
            ).execute()
    with temporary_home(), clock() as took:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *map(str, files)],
            cwd=places.CHECKOUT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return [ratio("nbval / plain execution", took[0], bare[0], NBVAL_RATIO)]


def verb_times() -> list[Row]:
    """The learner's verbs in a terminal, after a check of stage 03; the doctor."""
    rows: list[Row] = []
    with temporary_home():
        del os.environ["WORKSHOP_SOLVED"]  # a learner's desk
        for words in (["begin", "03"], ["check", "03"]):
            _workshop(*words)
        for words in (["hint", "03"], ["status"], ["diff", "03"]):
            rows.append(seconds_of(" ".join(words), _workshop(*words), VERB_SECONDS))
        rows.append(seconds_of("doctor", _workshop("doctor"), DOCTOR_SECONDS))
    return rows


def _workshop(*words: str) -> float:
    """How many seconds a verb takes, including the start of its Python."""
    with clock() as took:
        subprocess.run(
            [sys.executable, "-m", "workshop", *words], stdout=subprocess.DEVNULL, check=False
        )
    return took[0]


def mistakes() -> list[Row]:
    """All of tests/mistakes, on as many processes as `make test` has."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "--dist", "loadfile"]
    with clock() as took:
        subprocess.run(
            [*command, "tests/mistakes"],
            cwd=places.CHECKOUT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return [seconds_of("all mistakes", took[0], MISTAKES_SECONDS)]
