"""What the learner's project costs: the time of an answer, the work, the memory."""

import contextlib
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Callable

import httpx
import psutil
from celery import Celery
from kombu import Connection

from tools.bench.rows import Row, clock, ratio_of, shown, times
from tools.refresh import temporary_home
from workshop.broker import login
from workshop.desk import stages
from workshop.lab import jupyter
from workshop.machine.process import Running
from workshop.project.log import jobs, work_of
from workshop.project.sandbox import Sandbox
from workshop.project.web import Web

MEMORY_MIB = 600
SPLIT_RATIO, POST_RATIO = 1.8, 2
RATES = {"stored": {"ignore_result": False}, "ignored": {"ignore_result": True}}
RATE_TASKS = 400
EMPTY_VIEW = """
from django.urls import include, path
from rest_framework.decorators import api_view
from rest_framework.response import Response


@api_view(["GET"])
def empty(request):
    return Response(data={"res": "good"})


urlpatterns = [path("empty/", empty), path("", include("testing.urls"))]
"""


def request() -> list[Row]:
    """The guide's request, an empty view on the same server, and the work."""
    with temporary_home(), Sandbox(stages.find("06")) as box:
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

    Then from the POST until the result is seen, for a sum of one; and tasks per second, end to end.
    """
    with temporary_home(), Sandbox(stages.find("08")) as box:
        box.migrate()
        urls = box.path / "celery_testing/urls.py"
        urls.write_text(EMPTY_VIEW.replace("testing.urls", "sums.urls"))
        client = box.web().client
        # as a worker keeps it open: otherwise SQLite tidies up each time the last connection closes
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


def raw_publish(box: Sandbox) -> Callable[[], object]:
    """A function that only publishes a confirmed message to the queue `sums`."""
    options = {"confirm_publish": True}
    connection = box.enter(Connection(login.url(box.broker, box.vhost), transport_options=options))
    producer = connection.Producer()
    return lambda: producer.publish({"x": 1}, exchange="sums", routing_key="sums", delivery_mode=2)


def until_seen(client: httpx.Client, job: dict) -> None:
    """Ask for a job again and again, until its result is there."""
    while client.get(f"/api/sums/{job['id']}/").json()["state"] != "SUCCESS":
        pass


def rate(box: Sandbox, worker: Running, ignore_result: bool) -> float:
    """No-op tasks per second, from the first one sent until the last one is logged."""
    before = worker.text().count("succeeded")
    with Celery("bench", broker=login.url(box.broker, box.vhost), set_as_current=False) as app:
        where = {"exchange": "sums", "routing_key": "sums", "exchange_type": "topic"}
        with clock() as took, app.producer_or_acquire() as producer:
            for _ in range(RATE_TASKS):
                app.send_task("nothing", producer=producer, ignore_result=ignore_result, **where)
            worker.wait_for("succeeded", count=before + RATE_TASKS, limit=120)
    return RATE_TASKS / took[0]


def split() -> list[Row]:
    """The guide's sum in parts, with one process and with two: best of three after a warm-up."""
    with temporary_home(), Sandbox(stages.find("10")) as box:
        box.migrate()
        client = box.web()
        took = {count: parts_of_the_sum(box, client, count) for count in (1, 2)}
    alone, together = took[1], took[2]
    ratio = f"{alone:.2f} s / {together:.2f} s = {alone / together:.2f}"
    fine = alone / together >= SPLIT_RATIO
    return [("one process / two, the sum in parts", ratio, f"≥ {SPLIT_RATIO}", fine)]


def parts_of_the_sum(box: Sandbox, client: Web, processes: int) -> float:
    """Seconds from the first part's start to the last one's end, according to the worker's log."""
    worker = box.start_worker(concurrency=processes)
    best = float("inf")
    for number in range(1, 5):
        before = len(jobs(worker.text()))
        client.ask("POST", "/api/sums/", json={"x": 10_000, "y": 10_000})
        worker.wait_for("add_up.*succeeded", count=number, limit=60)
        parts = [job for job in jobs(worker.text())[before:] if job.task.endswith("sum_rows")]
        took = max(part.ended for part in parts) - min(part.begun for part in parts)
        best = min(best, took) if number > 1 else best  # the first one warms up the processes
    worker.stop()
    return best


def memory() -> list[Row]:
    """PSS of Jupyter with one kernel, the broker, a worker of two processes, and the web."""
    with temporary_home(), Sandbox(stages.find("06")) as box:
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
    """Proportional set size of a process and its descendants, in MiB (resident where unknown)."""
    parent = psutil.Process(pid)
    total = 0
    for one in (parent, *parent.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            facts = one.memory_full_info()
            total += getattr(facts, "pss", 0) or facts.rss
    return total / 2**20
