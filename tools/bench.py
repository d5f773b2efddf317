"""The course's own figures, as a table: each beside its limit, each ratio within one run.

Each measure works in a home of its own, and returns rows of what, figure and limit.
"""

import contextlib
import ctypes
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import nbformat
import psutil
from celery import Celery
from kombu import Connection
from nbclient import NotebookClient
from rich.console import Console
from rich.table import Table

from tools.refresh import CELL_SECONDS, in_a_home_of_its_own
from workshop import checks, places
from workshop.broker import login
from workshop.broker.node import Broker
from workshop.desk import stages
from workshop.errors import CourseError
from workshop.lab import jupyter
from workshop.machine.process import Running
from workshop.project.log import jobs, work_of
from workshop.project.sandbox import Sandbox
from workshop.project.web import Web

Row = tuple[str, str, str, bool | None]

SETUP_RATIO, LAB_RATIO, NBVAL_RATIO = 0.6, 1.2, 1.15
VERB_SECONDS, DOCTOR_SECONDS, MISTAKES_SECONDS = 0.5, 3, 60
BEGIN_SECONDS, MEMORY_MIB = 2, 600
CHECK_SECONDS = {"06": 4, "07": 4, "08": 15, "09": 6, "10": 4}  # 2 of the others
SUITE_SECONDS, SUITE_PROCESSOR = 300, 600
SPLIT_RATIO, POST_RATIO = 1.8, 2
EMPTY_VIEW = """
from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.response import Response


@api_view(["GET"])
def empty(request):
    return Response(data={"res": "good"})


urlpatterns = [path("empty/", empty), path("", include("testing.urls"))]
"""


@contextlib.contextmanager
def clock() -> Iterator[list[float]]:
    """A list that holds the seconds of the block once it is left."""
    took: list[float] = []
    begun = time.perf_counter()
    yield took
    took.append(time.perf_counter() - begun)


def ratio(what: str, ours: float, theirs: float, limit: float) -> Row:
    shown = f"{ours:.1f} s / {theirs:.1f} s = {ours / theirs:.2f}"
    return what, shown, f"≤ {limit:g}", ours / theirs <= limit


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
    with in_a_home_of_its_own():
        with clock() as alone:
            server = jupyter.until_ready(jupyter.launch())
        jupyter.end(server)
    with in_a_home_of_its_own(), clock() as boot:
        Broker().start()
    with in_a_home_of_its_own():
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
    """begin and check of each stage, solved, each in a process of its own."""
    rows: list[Row] = []
    with in_a_home_of_its_own():
        Broker().start()
        for stage in stages.all_stages():
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
    """All notebooks under nbval, against executing them and nothing else."""
    files = sorted(places.NOTEBOOKS.glob("*.ipynb"))
    with in_a_home_of_its_own(), clock() as bare:
        for file in files:
            NotebookClient(
                nbformat.read(file, as_version=4),
                timeout=CELL_SECONDS,
                kernel_name="python3",
                resources={"metadata": {"path": str(file.parent)}},
            ).execute()
    with in_a_home_of_its_own(), clock() as took:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *map(str, files)],
            cwd=places.CHECKOUT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return [ratio("nbval / plain execution", took[0], bare[0], NBVAL_RATIO)]


def suite() -> list[Row]:
    """`make test`, everything installed: what it takes, and what it starts."""
    site = Path(sysconfig.get_path("purelib")) / "tally.pth"
    with tempfile.TemporaryDirectory() as folder:
        tally = Path(folder) / "tally"
        tally.touch()
        site.write_text(COUNTS_PYTHON)
        _adopt_orphans()  # a broker outlives the process that started it
        try:
            before = _used_by_children()
            with clock() as took:
                subprocess.run(
                    ["make", "-s", "test"],
                    cwd=places.CHECKOUT,
                    env={**os.environ, "WORKSHOP_TALLY": str(tally)},
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
            while psutil.Process().children():
                os.wait()
            used = _used_by_children() - before
        finally:
            site.unlink()
        starts = Counter(tally.read_text().splitlines())
    workers = starts["worker"], starts["warm worker"]
    return [
        ("make test", f"{took[0]:.0f} s", f"≤ {SUITE_SECONDS} s", took[0] <= SUITE_SECONDS),
        (
            "processor time of make test",
            f"{used:.0f} s",
            f"≤ {SUITE_PROCESSOR} s",
            used <= SUITE_PROCESSOR,
        ),
        ("broker starts", str(starts["broker"]), "", None),
        ("worker starts, cold and warm", " + ".join(map(str, workers)), "", None),
        ("other warm processes", str(starts["warm process"]), "", None),
        ("interpreter starts", str(starts["python"]), "", None),
    ]


# what each Python of the .venv does at its start, as a line of a .pth file
COUNTS_PYTHON = (
    "import os; (f := os.environ.get('WORKSHOP_TALLY')) and open(f, 'a').write('python\\n')\n"
)


def _adopt_orphans() -> None:
    """Linux: processes whose parent has ended become this one's children, and are counted."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds_of(what: str, took: float, limit: float) -> Row:
    return what, f"{took:.2f} s", f"≤ {limit:g} s", took <= limit


def verb_times() -> list[Row]:
    """The learner's verbs in a terminal, after a check of stage 03; the doctor."""
    rows: list[Row] = []
    with in_a_home_of_its_own():
        del os.environ["WORKSHOP_SOLVED"]  # a learner's desk
        for words in (["begin", "03"], ["check", "03"]):
            _workshop(*words)
        for words in (["hint", "03"], ["status"], ["diff", "03"]):
            rows.append(seconds_of(" ".join(words), _workshop(*words), VERB_SECONDS))
        rows.append(seconds_of("doctor", _workshop("doctor"), DOCTOR_SECONDS))
    return rows


def _workshop(*words: str) -> float:
    """The seconds of a verb, with the start of its Python."""
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


def request() -> list[Row]:
    """The guide's request, an empty view on the same server, and the work."""
    with in_a_home_of_its_own(), Sandbox(stages.find("06")) as box:
        (box.path / "celery_testing/urls.py").write_text(EMPTY_VIEW)
        client, worker = box.web().client, box.worker()

        def times(path: str) -> list[float]:
            client.get(path)
            return sorted(client.get(path).elapsed.total_seconds() * 1000 for _ in range(200))

        guide, empty = times("/sum/1/1/"), times("/empty/")
        client.get("/sum/10000/10000/")
        worker.wait_for(": 100000000$", limit=120)
        work = work_of(worker.text(), "100000000")
    p50, none50 = statistics.median(guide), statistics.median(empty)
    return [
        ("the guide's answer, 200 times", f"p50 {p50:.1f} ms, p99 {guide[197]:.1f} ms", "", None),
        ("an empty DRF view", f"p50 {none50:.1f} ms, p99 {empty[197]:.1f} ms", "", None),
        ("answer / empty view", f"{p50 / none50:.1f}", "", None),
        ("work / answer", f"{work:.2f} s / {p50:.1f} ms = {work * 1000 / p50:.0f}", "", None),
    ]


def posted() -> list[Row]:
    """POST → 202 with confirms, against a raw confirmed publish and an empty view on one server.

    Then from the POST to the result seen, for a sum of one; and tasks a second, end to end.
    """
    with in_a_home_of_its_own(), Sandbox(stages.find("08")) as box:
        box.migrate()
        urls = box.path / "celery_testing/urls.py"
        urls.write_text(EMPTY_VIEW + 'urlpatterns += [path("", include("sums.urls"))]\n')
        client = box.web().client
        # as a worker has it: else SQLite tidies up each time that the last one leaves
        database = box.enter(contextlib.closing(sqlite3.connect(box.database)))
        database.execute("select count(*) from sums_job").fetchall()
        empty = times(lambda: client.get("/empty/"))
        sums = {"x": 1, "y": 1}
        accepted = times(lambda: client.post("/api/sums/", json=sums))
        raw = times(raw_publish(box))
        box.broker.ctl("purge_queue", "-p", box.vhost, "sums")
        worker = box.worker(concurrency=2, include="workshop.project.tasks")
        seen = times(lambda: until_seen(client, client.post("/api/sums/", json=sums).json()))
        rates = {name: rate(box, worker, **words) for name, words in RATES.items()}
    both = raw[0] + empty[0]
    return [
        ("POST → 202, 200 times", shown(accepted), "", None),
        ("a raw confirmed publish to the same queue", shown(raw), "", None),
        ("an empty DRF view", shown(empty), "", None),
        ratio_of("POST → 202 / (publish + empty view), p50", accepted[0], both, POST_RATIO),
        ("POST → result seen, 200 times", shown(seen), "", None),
        ("tasks a second, results stored", f"{rates['stored']:.0f}", "", None),
        ("tasks a second, ignore_result", f"{rates['ignored']:.0f}", "", None),
        ("ignored / stored", f"{rates['ignored'] / rates['stored']:.1f}", "", None),
    ]


RATES = {"stored": {"ignore_result": False}, "ignored": {"ignore_result": True}}
RATE_TASKS = 400


def times(once: Callable[[], object], count: int = 200) -> tuple[float, float]:
    """p50 and p99 in ms of so many calls, after one that is not counted."""
    once()
    took = []
    for _ in range(count):
        with clock() as one:
            once()
        took.append(one[0] * 1000)
    took.sort()
    return statistics.median(took), took[int(count * 0.99) - 1]


def shown(found: tuple[float, float]) -> str:
    return f"p50 {found[0]:.1f} ms, p99 {found[1]:.1f} ms"


def ratio_of(what: str, ours: float, theirs: float, limit: float) -> Row:
    return (
        what,
        f"{ours:.1f} / {theirs:.1f} ms = {ours / theirs:.2f}",
        f"≤ {limit:g}",
        (ours / theirs <= limit),
    )


def raw_publish(box: Sandbox) -> Callable[[], object]:
    """A function that publishes a message to the queue `sums`, confirmed, and nothing else."""
    options = {"confirm_publish": True}
    connection = box.enter(Connection(login.url(box.broker, box.vhost), transport_options=options))
    producer = connection.Producer()
    return lambda: producer.publish({"x": 1}, exchange="sums", routing_key="sums", delivery_mode=2)


def until_seen(client: httpx.Client, job: dict) -> None:
    """Ask for a job again and again, until its result is there."""
    while client.get(f"/api/sums/{job['id']}/").json()["state"] != "SUCCESS":
        pass


def rate(box: Sandbox, worker: Running, ignore_result: bool) -> float:
    """Tasks that do nothing, a second: from the first one sent until the last one is logged."""
    before = worker.text().count("succeeded")
    with Celery("bench", broker=login.url(box.broker, box.vhost), set_as_current=False) as app:
        where = {"exchange": "sums", "routing_key": "sums", "exchange_type": "topic"}
        with clock() as took, app.producer_or_acquire() as producer:
            for _ in range(RATE_TASKS):
                app.send_task("nothing", producer=producer, ignore_result=ignore_result, **where)
            worker.wait_for("succeeded", count=before + RATE_TASKS, limit=120)
    return RATE_TASKS / took[0]


def split() -> list[Row]:
    """The guide's sum in parts, with one process and with two: the best of three after a first."""
    with in_a_home_of_its_own(), Sandbox(stages.find("09")) as box:
        box.migrate()
        client = box.web()
        took = {count: parts_of_the_sum(box, client, count) for count in (1, 2)}
    alone, together = took[1], took[2]
    ratio = f"{alone:.2f} s / {together:.2f} s = {alone / together:.2f}"
    fine = alone / together >= SPLIT_RATIO
    return [("one process / two, the sum in parts", ratio, f"≥ {SPLIT_RATIO}", fine)]


def parts_of_the_sum(box: Sandbox, client: Web, processes: int) -> float:
    """Seconds from the first part's begin to the last one's end, by the worker's log."""
    worker = box.start_worker(concurrency=processes)
    best = float("inf")
    for number in range(1, 5):
        before = len(jobs(worker.text()))
        client.ask("POST", "/api/sums/", json={"x": 10_000, "y": 10_000})
        worker.wait_for("add_up.*succeeded", count=number, limit=60)
        parts = [job for job in jobs(worker.text())[before:] if job.task.endswith("sum_rows")]
        took = max(part.ended for part in parts) - min(part.begun for part in parts)
        best = min(best, took) if number > 1 else best  # the first one warms the processes
    worker.stop()
    return best


def memory() -> list[Row]:
    """PSS of Jupyter with one kernel, the broker, a worker of two processes, and the web."""
    with in_a_home_of_its_own(), Sandbox(stages.find("06")) as box:
        lab = jupyter.launch()
        server = jupyter.until_ready(lab)
        kernel = subprocess.Popen(
            [sys.executable, "-m", "ipykernel_launcher"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            worker = box.worker()
            web = box.web().running
            parts = {
                "Jupyter": lab.pid,
                "kernel": kernel.pid,
                "broker": box.broker.pid,
                "worker": worker.guard.pid,
                "web": web.guard.pid,
            }
            sizes = {name: pss(pid) for name, pid in parts.items()}
        finally:
            kernel.terminate()
            kernel.wait()
            jupyter.end(server)
    whole = sum(sizes.values())
    shown = ", ".join(f"{name} {size:.0f}" for name, size in sizes.items())
    return [
        (f"memory, MiB ({shown})", f"{whole:.0f} MiB", f"≤ {MEMORY_MIB} MiB", whole <= MEMORY_MIB)
    ]


def pss(pid: int) -> float:
    """Proportional set size of a process and all below it, in MiB (resident where unknown)."""
    parent = psutil.Process(pid)
    total = 0
    for one in (parent, *parent.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            facts = one.memory_full_info()
            total += getattr(facts, "pss", 0) or facts.rss
    return total / 2**20


MEASURES: dict[str, Callable[[], list[Row]]] = {
    "setup": setup,
    "lab": warm_lab,
    "stages": stage_times,
    "verbs": verb_times,
    "mistakes": mistakes,
    "request": request,
    "posted": posted,
    "split": split,
    "memory": memory,
    "notebooks": notebooks,
    "suite": suite,
}


def bench(console: Console, names: list[str]) -> int:
    """Measure what is asked for, or everything; 1 if a figure is over its limit."""
    unknown = set(names) - set(MEASURES)
    if unknown:
        raise CourseError(f"no measure {', '.join(unknown)}.", f"one of: {', '.join(MEASURES)}")
    table = Table("what", "measured", "limit", "", box=None, pad_edge=False)
    all_fine = True
    for name in names or MEASURES:
        with console.status(f"measuring: {name} …"):
            for what, shown, limit, fine in MEASURES[name]():
                table.add_row(what, shown, limit, {True: "✓", False: "✗", None: ""}[fine])
                all_fine = all_fine and fine is not False
    console.print(table)
    console.print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    return 0 if all_fine else 1


if __name__ == "__main__":
    sys.exit(bench(Console(highlight=False), sys.argv[1:]))
