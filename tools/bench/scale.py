"""What stages 15 and 16 claim: tasks that wait, the start of a cluster, messages lost in a kill."""

import contextlib

from tools.bench.rows import Row, clock, seconds_of
from tools.refresh import temporary_home
from workshop.broker.cluster import Cluster
from workshop.desk import stages
from workshop.drills.cluster import kill_the_leader
from workshop.machine.patience import NotYet
from workshop.project import probe
from workshop.project.sandbox import Sandbox
from workshop.project.service import closed_gate

CLUSTER_SECONDS, AT_ONCE_RATIO = 40, 20
RECEIPTS = 60
POOLS = {"prefork": "--concurrency=2", "threads": "--pool=threads --concurrency=50"}
KILLS = {
    "quorum, confirms": ("quorum", True),
    "quorum, no confirms": ("quorum", False),
    "classic, confirms": ("classic", True),
}


def at_once() -> list[Row]:
    """How many of sixty receipts are at a service at the same time: 2 processes, 50 threads."""
    with temporary_home(), Sandbox(stages.find("15")) as box:
        box.migrate()
        found = {name: receipts_at_once(box, options) for name, options in POOLS.items()}
    ratio = found["threads"] / found["prefork"]
    shown = f"{found['threads']} / {found['prefork']} = {ratio:.0f}"
    return [
        ("requests at once, 50 threads / 2 processes", shown, f"≥ {AT_ONCE_RATIO}", ratio >= 20)
    ]


def receipts_at_once(box: Sandbox, options: str) -> int:
    command = f"celery -A celery_testing worker --loglevel=info -Q quick {options}"
    worker = box.start(command, lambda running: " ready." in running.text(), "worker")
    with closed_gate() as gate:
        asked = {"workshop.checks.facts:send_receipts": {"url": gate.url, "count": RECEIPTS}}
        probe.ask_all(asked, cwd=box.path, env=box.environment, warm=box.warm)
        with contextlib.suppress(NotYet):
            gate.wait_until_full(box.broker, box.vhost, "quick", RECEIPTS, limit=4)
        found = gate.inside
        worker.kill()
    box.broker.ctl("purge_queue", "-p", box.vhost, "quick")
    return found


def cluster() -> list[Row]:
    """Three brokers: their start, and what is lost when the leader of a queue is killed."""
    configuration = (stages.find("16").solution / "rabbitmq.conf").read_text()
    with temporary_home():
        brokers = Cluster(configuration)
        try:
            with clock() as took:
                brokers.start()
            rows = [seconds_of("a cluster of three starts", took[0], CLUSTER_SECONDS)]
            for name, (kind, confirms) in KILLS.items():
                outcome = kill_the_leader(brokers, kind, confirms)
                share = 1000 * outcome.lost / outcome.accepted
                shown = f"{share:.0f} ({outcome.lost} of {outcome.accepted})"
                errors = f"{len(outcome.errors)} errors, {outcome.after} accepted after the kill"
                fine = outcome.lost == 0 if confirms else None
                limit = "0" if confirms else ""
                rows.append((f"lost per 1000, {name}: {errors}", shown, limit, fine))
        finally:
            brokers.end()
    return rows
