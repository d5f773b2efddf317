"""deploy/stack.yml on a swarm of three engines, while workers and machines fail.

Whatever happens, each job that a web server has accepted is finished. A message is delivered at
least once, so finished jobs are a set of ids.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from engine import Compose, composes
from swarm import Node, Swarm, leftovers, swarm_of

from tools.debian import Impossible, copy_checkout, need
from workshop.machine.patience import NotYet, Stopwatch, wait_until

NODES = ("node-a", "node-b", "node-c")
VISITORS = Path(__file__).with_name("visitors.py")
STACK = "celery-django-stack"
REPLICAS = 6
OTHERS = {"rabbitmq": 1, "db": 1, "web": 2, "quick": 2, "beat": 1}  # as in stack.yml
ROUND = 100  # jobs that are accepted while one thing fails
PASSWORD = "p@ss/w:rd"

# The same project, whose workers acknowledge a message before they run its task
EARLY = f"""
FROM {STACK}
USER root
RUN sed -i "s/ACKS_LATE = True/ACKS_LATE = False/" celery_testing/settings.py
USER stack
"""


# --- the stack on the swarm --------------------------------------------------------------------


def derive(text: str) -> str:
    """The stack for a kernel without IPVS, and with six workers.

    Without IPVS, a service has no virtual IP address, and no port that every node answers.
    """
    stack = yaml.safe_load(text)
    for service in stack["services"].values():
        service["deploy"] = {**service["deploy"], "endpoint_mode": "dnsrr"}
    [port] = stack["services"]["web"]["ports"]
    assert port.endswith("}:8000")
    stack["services"]["web"]["ports"] = [{"target": 8000, "published": 8001, "mode": "host"}]
    stack["services"]["sums"]["deploy"]["replicas"] = REPLICAS
    return yaml.dump(stack, sort_keys=False)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of the checkout, with the derived stack and with secrets."""
    folder = tmp_path_factory.mktemp("swarm") / "course"
    copy_checkout(folder)
    stack = folder / "deploy" / "stack.yml"
    stack.write_text(derive(stack.read_text()))
    secrets = ("DJANGO_SECRET_KEY", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD")
    (folder / ".env").write_text(
        "".join(f"{name}='{PASSWORD}'\n" for name in secrets) + "HTTPS=1\n"
    )
    return folder


@pytest.fixture(scope="session")
def images(docker, checkout):
    """The variables that lead to an engine, and to images that it has."""
    Compose(composes()[0], checkout, "courseswarm", docker)("--profile", "stack", "build", "web")
    return docker


def commands() -> str:
    """What deploy/README.md says to type for a swarm."""
    text = (VISITORS.parents[2] / "deploy" / "README.md").read_text()
    return re.search(r"## Docker Swarm.*?```sh\n(.*?)```", text, re.S)[1]


@pytest.fixture(scope="session")
def swarm(images, checkout, impossible):
    with contextlib.ExitStack() as stack:
        try:
            swarm = stack.enter_context(swarm_of(*NODES))
        except Impossible as why:
            impossible(str(why))
        for node in swarm.nodes:
            node.load(STACK, images)
        for image in ("RABBITMQ_IMAGE", "POSTGRES_IMAGE"):
            swarm.manager.load(images[image], images)
        begin, rest = commands().replace("NODE", NODES[0]).split("docker swarm init\n")
        assert begin == ""
        swarm("swarm", "init")
        swarm.join()
        env = {**images, **swarm.manager.env}
        said = need("sh", "-ec", rest, cwd=checkout, env=env)
        assert "Ignoring" not in said, said
        yield swarm


# --- jobs --------------------------------------------------------------------------------------

STATES = """
SELECT task_id, result FROM django_celery_results_taskresult
JOIN sums_job ON task_id = sums_job.id::text WHERE status = 'SUCCESS'
"""


class Jobs:
    """The sums that visitors ask for, and what became of them."""

    def __init__(self, swarm: Swarm):
        self.swarm = swarm
        self.accepted: dict[str, int] = {}  # the right result of each
        self._asked: list[tuple[str, int, int]] = []
        servers = [f"{node.address}:8001" for node in swarm.nodes]
        # On the switch, where the nodes' addresses lead
        end_with_it = ("setpriv", "--pdeathsig=TERM")
        command = swarm.switch.words(*end_with_it, sys.executable, VISITORS, *servers)
        self._visitors = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def post(self, count: int, side: int = 8) -> None:
        """Ask for as many sums, without waiting for an answer."""
        for _ in range(count):
            self._asked.append((f"key-{len(self._asked)}", side, side))
            self._visitors.stdin.write(json.dumps(self._asked[-1]) + "\n")
        self._visitors.stdin.flush()

    def wait_until_accepted(self) -> None:
        for _, x, y in self._asked[len(self.accepted) :]:
            job = self._visitors.stdout.readline().strip()
            assert job, "a sum was not accepted"
            self.accepted[job] = x * y

    def ask(self, sql: str) -> list[list[str]]:
        """The rows that the database answers."""
        [container] = self.swarm.manager.containers("course_db")
        psql = ("psql", "-h", "127.0.0.1", "-U", "course", "-At", "-F", " ", "-c", sql, "course")
        said = self.swarm("exec", "-e", f"PGPASSWORD={PASSWORD}", container, *psql)
        return [line.split() for line in said.splitlines()]

    def unfinished(self) -> set[str]:
        found = dict(self.ask(STATES))
        return {job for job, result in self.accepted.items() if found.get(job) != str(result)}

    def wait_until_finished(self) -> None:
        self.wait_until_accepted()
        count = len(self.accepted)
        try:
            wait_until(lambda: not self.unfinished(), limit=240, what=f"the end of {count} sums")
        except NotYet as error:
            raise AssertionError(f"{error}: {len(self.unfinished())} are missing") from None

    def close(self) -> None:
        with self._visitors as visitors:
            visitors.kill()


@pytest.fixture(scope="session")
def jobs(swarm):
    jobs = Jobs(swarm)
    yield jobs
    jobs.close()


def last_words(log: str) -> dict[str, str]:
    """The last that a worker says of each task, by the task's id: received, succeeded, …"""
    return dict(re.findall(r"Task \S+\[([\w-]+)\] (\w+)", log))


def begun(log: str) -> set[str]:
    """The tasks that a worker has received, and is not done with."""
    return {task for task, word in last_words(log).items() if word == "received"}


def at_work(nodes: list[Node], count: int = 1) -> tuple[Node, str]:
    """A worker on one of these nodes that has at least `count` tasks: its node, and its id."""

    def found() -> tuple[Node, str] | None:
        for node in nodes:
            for container in node.containers("course_sums"):
                if len(begun(node.docker("logs", container))) >= count:
                    return node, container
        return None

    return wait_until(found, limit=60, what=f"a worker with {count} tasks")


def kill_at_work(nodes: list[Node], count: int = 1) -> tuple[str, set[str]]:
    """Kill a worker in the middle of tasks; its id, and theirs."""
    while True:
        node, worker = at_work(nodes, count)
        node.docker("kill", worker)
        assert worker not in node.containers("course_sums")
        if tasks := begun(node.docker("logs", worker)):
            return worker, tasks  # otherwise it had just finished: the next one


def received_elsewhere(swarm: Swarm, tasks: set[str], killed: str) -> set[str]:
    """Those of the tasks that another worker has received."""
    logs = [
        node.docker("logs", container)
        for node, container in swarm.containers("course_sums")
        if container != killed
    ]
    return {task for task in tasks if any(task in last_words(log) for log in logs)}


# --- the drill ---------------------------------------------------------------------------------


def test_every_service_runs_and_six_workers_share_three_nodes(swarm, jobs, say):
    with Stopwatch() as start:
        for service, count in {**OTHERS, "sums": REPLICAS}.items():
            swarm.wait_until_runs(f"course_{service}", count, limit=240)
    for node in swarm.nodes:
        assert len(node.containers("course_sums")) == 2, node.name
    jobs.post(ROUND)
    with Stopwatch() as work:
        jobs.wait_until_finished()
    say("the stack, until all of it runs", f"{start.clock:.0f} s")
    say(f"{ROUND} jobs, while nothing fails", f"{work.clock:.0f} s")
    for node, container in swarm.containers("course_sums"):
        assert "succeeded" in last_words(node.docker("logs", container)).values()


def test_the_jobs_of_a_killed_worker_are_finished_by_the_others(swarm, jobs, say):
    jobs.post(ROUND // 2)
    victim, tasks = kill_at_work(swarm.nodes)
    jobs.post(ROUND // 2)
    with Stopwatch() as back:
        swarm.wait_until_runs("course_sums", REPLICAS)
    jobs.wait_until_finished()
    say(f"a worker killed in the middle of {len(tasks)} task(s): replaced", f"{back.clock:.1f} s")
    assert received_elsewhere(swarm, tasks, victim) == tasks


def test_an_update_that_fails_is_rolled_back(swarm, jobs, say):
    args = "json .Spec.TaskTemplate.ContainerSpec.Args"
    before = swarm.inspect("service", "course_sums", args)
    wrong = " ".join(json.loads(before)).replace("-Q sums", "-Q summs")
    fewest = REPLICAS

    def is_rolled_back() -> bool:
        nonlocal fewest
        fewest = min(fewest, swarm.runs("course_sums"))
        return (
            swarm.inspect("service", "course_sums", ".UpdateStatus.State") == "rollback_completed"
        )

    jobs.post(ROUND // 2)
    swarm("service", "update", "--detach", "--args", wrong, "course_sums")
    jobs.post(ROUND // 2)
    with Stopwatch() as back:
        wait_until(is_rolled_back, limit=180, what="the end of the rollback")
    swarm.wait_until_runs("course_sums", REPLICAS)
    assert swarm.inspect("service", "course_sums", args) == before
    assert fewest >= REPLICAS - 1, "the rest was not touched"
    jobs.wait_until_finished()
    say(f"rolled back; at least {fewest} workers ran", f"{back.clock:.1f} s")


def test_the_tasks_of_a_drained_node_move_without_haste(swarm, jobs, say):
    node = swarm["node-b"]
    stopped = node.containers("course_sums")
    assert stopped
    jobs.post(ROUND // 2)
    swarm("node", "update", "--availability", "drain", node.name)
    jobs.post(ROUND // 2)
    with Stopwatch() as moved:
        wait_until(lambda: not node.docker("ps", "-q"), limit=120, what="an empty node")
        swarm.wait_until_runs("course_sums", REPLICAS)
    jobs.wait_until_finished()
    say(f"{len(stopped)} workers of a drained node: elsewhere", f"{moved.clock:.1f} s")
    for worker in stopped:
        assert "Warm shutdown" in node.docker("logs", worker)
        assert node.docker("inspect", "-f", "{{.State.ExitCode}}", worker) == "0"
    swarm("node", "update", "--availability", "active", node.name)


# A transaction that locks a job, in a process that never ends
LOCK = """
import threading
from django.db import connection, transaction
from sums.models import Job
with transaction.atomic():
    connection.cursor().execute("SET application_name = 'lock'")
    Job.objects.select_for_update().last()
    threading.Event().wait()
"""
IDLE = "SELECT pid FROM pg_stat_activity WHERE application_name = 'lock' AND state LIKE 'idle in %'"


def test_the_jobs_of_a_machine_that_is_lost_are_finished_by_the_others(swarm, jobs, say):
    victim = swarm["node-c"]
    workers = victim.containers("course_sums")
    victim.docker("exec", "-d", workers[0], "python", "manage.py", "shell", "-v0", "-c", LOCK)
    wait_until(lambda: jobs.ask(IDLE), limit=60, what="a lock")
    jobs.post(ROUND // 2)
    at_work([victim])
    swarm.lose(victim)
    jobs.post(ROUND // 2)
    with Stopwatch() as end:
        with Stopwatch() as noticed:
            wait_until(
                lambda: swarm.inspect("node", victim.name, ".Status.State") == "down",
                limit=60,
                what="the news that the node is down",
            )
        with Stopwatch() as back:
            for service, count in {**OTHERS, "sums": REPLICAS}.items():
                swarm.wait_until_runs(f"course_{service}", count)
        jobs.wait_until_finished()
    say("a lost machine: noticed", f"{noticed.clock:.1f} s")
    say(f"its {len(workers)} workers, and its other tasks: elsewhere", f"{back.clock:.1f} s later")
    say("its jobs finished by others", f"{end.clock:.0f} s after it was lost")
    wait_until(lambda: not jobs.ask(IDLE), limit=180, what="the end of its lock")


def test_no_job_is_lost(jobs, say):
    lost = jobs.unfinished()
    say(
        "jobs accepted / finished / lost",
        f"{len(jobs.accepted)} / {len(jobs.accepted) - len(lost)} / {len(lost)}",
    )
    assert len(jobs.accepted) == 5 * ROUND and not lost


def test_workers_that_acknowledge_early_lose_jobs(swarm, jobs, say):
    node = swarm.manager
    build = node.folder / "early"
    build.mkdir()
    (build / "Dockerfile").write_text(EARLY)
    need("docker", "build", "-q", "-t", "early", build, env={**node.env, "DOCKER_BUILDKIT": "0"})
    swarm("service", "scale", "--detach", "course_sums=0")
    swarm.wait_until_runs("course_sums", 0)
    new = ("--image", "early", "--replicas", "2", "--constraint-add", f"node.hostname=={node.name}")
    swarm("service", "update", "--detach", *new, "course_sums")
    swarm.wait_until_runs("course_sums", 2)
    jobs.post(2, side=10_000)  # of tasks that take long enough
    victim, tasks = kill_at_work([node], count=3)
    jobs.post(1)
    jobs.wait_until_accepted()
    last = list(jobs.accepted)[-1]
    # what was in the queue before it has left the queue
    wait_until(lambda: last not in jobs.unfinished(), limit=120, what="the end of a later job")
    lost = tasks - received_elsewhere(swarm, tasks, victim)
    say("early acknowledgement: tasks lost / jobs lost", f"{len(lost)} / {len(jobs.unfinished())}")
    assert lost and jobs.unfinished()


# --- what is left ------------------------------------------------------------------------------

START = """
import sys
from swarm import swarm_of
with swarm_of("node-a", "node-b") as swarm:
    swarm("swarm", "init")
    swarm.join()
    print(swarm.manager.folder.parent, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_nothing_of_a_swarm_is_left(end, impossible):
    if os.geteuid() != 0:
        impossible("a swarm of three engines needs root")
    with subprocess.Popen(
        [sys.executable, "-c", START],
        cwd=VISITORS.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        folder = Path(process.stdout.readline().strip())
        found = " ".join(leftovers(folder))
        assert "dockerd" in found and str(folder / "node-b") in found
        process.stdin.close() if end == "exit" else process.kill()
    wait_until(lambda: not leftovers(folder), limit=30, what=f"the end of {leftovers(folder)}")
