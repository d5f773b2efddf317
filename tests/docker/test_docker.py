"""The containers, proved on a Docker Engine: `make test-docker`.

Everything runs under a project name, on ports and in a copy of the checkout of its own, whose
owner is an ordinary user.
"""

import contextlib
import json
import os
import re
import time

import httpx
import pytest
from engine import Compose, composes

from tools.debian import copy_checkout
from workshop.machine.patience import Stopwatch, wait_until
from workshop.machine.ports import free_port

OWNER = 1234  # neither root nor the 1000 of most images
# what would break an address, a JSON file or a shell that was not careful
PASSWORD = 'p@ss/w:rd%20 "ü#1'
PORTS = ("LAB_PORT", "WEB_PORT", "MANAGEMENT_PORT", "STACK_WEB_PORT", "STACK_MANAGEMENT_PORT")
SIDE, RESULT = 10000, 100_000_000
WORKERS = ("sums", "quick")
# a service that answers as many requests as are there at the same time, and no fewer
TOLD = 20
MEETING = f"""
import http.server, threading
together = threading.Barrier({TOLD}, timeout=4)
class Service(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            together.wait()
        except threading.BrokenBarrierError:  # late, on a busy machine: all are sent again
            together.reset()
            raise
        self.send_response(204)
        self.end_headers()
http.server.ThreadingHTTPServer(("", 9000), Service).serve_forever()
"""
TELL = f"""
from receipts.tasks import tell
for number in range({TOLD}):
    tell.delay("http://web:9000/", str(number))
"""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of what git would give, in a path with a space and an accent."""
    folder = tmp_path_factory.mktemp("containers") / "a course é"
    copy_checkout(folder)
    if os.geteuid() == 0:
        for parent in folder.parents:  # pytest's own folders let nobody else in
            if parent.owner() == "root" and parent.is_relative_to(tmp_path_factory.getbasetemp()):
                parent.chmod(0o755)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, OWNER, OWNER)
    return folder


@pytest.fixture(scope="session")
def env(docker):
    return {**docker, **{name: str(free_port()) for name in PORTS}}


@pytest.fixture(scope="session", params=composes() or [[]], ids=" ".join)
def compose(request, checkout, env):
    with contextlib.suppress(FileNotFoundError):
        (checkout / ".env").unlink()
    compose = Compose(request.param, checkout, "coursetest", env)
    yield compose
    compose("--profile", "stack", "down", "-v", "--remove-orphans")


def megabytes(compose: Compose, *services: str) -> str:
    """Resident memory of services, as `docker stats` counts it."""
    found = {}
    for service in services:
        for container in compose.containers(service):
            told = compose.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", container)
            number, unit = re.match(r"([\d.]+)(\w+)", told).groups()
            found[service] = float(number) * {"GiB": 1024, "MiB": 1, "KiB": 1 / 1024}[unit]
    parts = ", ".join(f"{name} {value:.0f}" for name, value in found.items())
    return f"{sum(found.values()):.0f} MiB ({parts})" if len(found) > 1 else parts + " MiB"


# --- the images ----------------------------------------------------------------------------------


def test_a_changed_notebook_installs_nothing_anew(compose, checkout, say):
    def layers() -> list[str]:
        return json.loads(
            compose.docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", image)
        )

    image = f"{compose.name}{'-' if compose.command[0] == 'docker' else '_'}lab"
    begun = time.monotonic()
    compose("build", "lab", timeout=900)
    compose("--profile", "stack", "build", "web", timeout=900)
    say(f"build ({compose.command[0]}; the first is cold)", f"{time.monotonic() - begun:.0f} s")
    before = layers()
    notebook = checkout / "notebooks" / "00_start.ipynb"
    notebook.write_text(notebook.read_text() + "\n")
    begun = time.monotonic()
    compose("build", "lab")
    say("build after a change in a notebook", f"{time.monotonic() - begun:.1f} s")
    after = layers()
    assert before != after
    assert before[:-2] == after[:-2], "only the checkout's own two layers, which are the last"
    for name in (image, "celery-django-stack"):
        whole, *layers_of_it = sizes(compose, name)
        parts = " + ".join(f"{size:.0f}" for size in layers_of_it if size >= 1)
        say(f"image {name}", f"{whole:.0f} MB = {parts}")


def sizes(compose: Compose, image: str) -> list[float]:
    """The size of an image, and of its layers, the lowest first; in MB."""
    units = {"B": 1e-6, "kB": 1e-3, "MB": 1, "GB": 1e3}
    history = compose.docker("history", "--format", "{{.Size}}", image).split()
    layers = [re.fullmatch(r"([\d.]+)(\w+)", size).groups() for size in reversed(history)]
    whole = int(compose.docker("image", "inspect", "-f", "{{.Size}}", image)) / 1e6
    return [whole, *(float(number) * units[unit] for number, unit in layers)]


# --- lab --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def lab(compose):
    """The course, up; what its log's link says."""
    begun = time.monotonic()
    compose("up", "-d", "--no-build", "lab")
    link = wait_until(
        lambda: re.search(r"open +(http://\S+)", compose.logs("lab")), limit=90, what="the link"
    )[1]
    lab_took = time.monotonic() - begun
    compose.wait_until_healthy("lab")
    yield link, lab_took


def in_lab(compose: Compose, *words: str) -> str:
    """What a command says in the container, as its ordinary user."""
    return compose("exec", "-T", "-u", "learner", "lab", *words)


def test_lab_answers_at_its_link_and_nowhere_without_its_token(compose, lab, env, say):
    link, took = lab
    say("`up` to the link of a ready lab", f"{took:.1f} s")
    say("memory of lab at rest", megabytes(compose, "lab"))
    assert f"127.0.0.1:{env['LAB_PORT']}/" in link or f"localhost:{env['LAB_PORT']}/" in link
    page = httpx.get(link, follow_redirects=True)
    assert page.is_success and "jupyter" in page.text.lower()
    assert httpx.get(link.split("/lab/")[0] + "/api/contents").status_code == 403
    [container] = compose.containers("lab")
    published = json.loads(compose.facts(container, "json .NetworkSettings.Ports"))
    doors = [door for found in published.values() if found for door in found]
    assert {door["HostIp"] for door in doors} == {"127.0.0.1"}
    assert {door["HostPort"] for door in doors} == {env[name] for name in PORTS[:3]}


def test_an_ordinary_user_is_at_work_and_desk_is_the_hosts(compose, lab, checkout):
    link, _ = lab
    assert in_lab(compose, "id", "-u").strip() == str(checkout.stat().st_uid)
    users = compose("exec", "-T", "lab", "ps", "-eo", "uid=,comm=")
    roots = {line.split()[1] for line in users.splitlines() if line.split()[0] == "0"}
    assert roots <= {"tini", "ps"}
    address, token = re.match(r"(http://[^/]+)/.*token=(\w+)", link).groups()
    with httpx.Client(base_url=address, headers={"Authorization": f"token {token}"}) as client:
        client.put("/api/contents/desk", json={"type": "directory"}).raise_for_status()
        note = {"type": "file", "format": "text", "content": "mine"}
        client.put("/api/contents/desk/note.txt", json=note).raise_for_status()
    made = checkout / "desk" / "note.txt"
    assert made.read_text() == "mine"
    assert made.stat().st_uid == made.parent.stat().st_uid == checkout.stat().st_uid
    assert not (checkout / ".venv").exists() and not (checkout / ".rabbitmq").exists()


def test_a_command_that_begins_as_root_goes_on_as_the_owner(compose, lab, checkout):
    pid = ("sh", "-c", "cat $COURSE_BROKER/pid")
    before = in_lab(compose, *pid)
    assert "laid out" in compose("exec", "-T", "lab", "workshop", "begin", "02")
    assert (checkout / "desk" / "02_vhost").stat().st_uid == checkout.stat().st_uid
    assert in_lab(compose, *pid) == before, "and speaks to the same node"
    assert "✗" not in compose("exec", "-T", "lab", "make", "doctor")


def test_web_and_management_open_from_the_host(compose, lab, env):
    management = httpx.get(f"http://127.0.0.1:{env['MANAGEMENT_PORT']}/")
    assert "RabbitMQ Management" in management.text
    in_lab(compose, "workshop", "solve", "06")
    serve = "cd desk/06_run && exec python manage.py runserver $0"
    compose("exec", "-T", "-d", "-u", "learner", "lab", "sh", "-c", serve, env["WEB_PORT"])
    address = f"http://127.0.0.1:{env['WEB_PORT']}/sum/3/4/"

    def answers() -> bool:
        try:
            return httpx.get(address).json() == {"res": "good"}
        except httpx.HTTPError:
            return False

    wait_until(answers, limit=30, what="the guide's view")


def test_a_notebook_passes_nbval_beside_a_lab_that_is_up(compose, lab):
    words = ("run", "--rm", "-T", "-e", "WORKSHOP_SOLVED=1", "lab")
    said = compose(*words, "pytest", "-q", "notebooks/03_worker.ipynb")
    assert re.search(r"\d+ passed", said) and "failed" not in said, said


def test_make_runs_in_the_container_with_a_node_of_its_own(compose, lab):
    pid = ("sh", "-c", "cat $COURSE_BROKER/pid")
    before = in_lab(compose, *pid)
    in_lab(compose, "workshop", "solve", "03")
    assert "everything passes" in compose("run", "--rm", "-T", "lab", "make", "check", "STEP=03")
    assert in_lab(compose, *pid) == before
    files = ("tests/course/test_stages.py", "tests/test_words.py")
    tests = ("python", "-m", "workshop", "test", *files)
    assert re.search(r"\d+ passed", compose("run", "--rm", "-T", "lab", *tests))


def test_an_image_older_than_the_requirements_says_so(compose, lab, checkout):
    file = checkout / "requirements.txt"
    before = file.read_text()
    try:
        file.write_text(before + "# another\n")
        done = compose.run("run", "--rm", "-T", "lab", "make", "test")
    finally:
        file.write_text(before)
    assert done.returncode != 0
    assert "docker compose build" in done.stdout


def test_the_nodes_data_outlives_the_container_and_the_end_is_orderly(compose, lab):
    bin = "/home/learner/.rabbitmq/bin/rabbitmqctl"
    in_lab(compose, bin, "add_vhost", "kept")
    [container] = compose.containers("lab")
    compose("stop", "lab")
    assert compose.facts(container, ".State.ExitCode") == "0"
    assert "ended     RabbitMQ" in compose.logs("lab")
    compose("up", "-d", "--no-build", "--force-recreate", "lab")
    compose.wait_until_healthy("lab")
    wait_until(lambda: "RabbitMQ  started" in compose.logs("lab"), limit=60, what="the broker")
    assert "kept" in in_lab(compose, bin, "-q", "list_vhosts").split()
    compose("--profile", "stack", "down", "-v")
    assert not compose.left()


# --- stack ------------------------------------------------------------------------------------


def test_a_missing_secret_is_named(compose, checkout):
    (checkout / ".env").write_text("RABBITMQ_PASSWORD=there\n")
    done = compose.run("--profile", "stack", "up", "-d", "--no-build", "web", *WORKERS)
    assert done.returncode != 0
    said = compose.logs("secrets")
    assert "✗ the stack has no DJANGO_SECRET_KEY, no POSTGRES_PASSWORD." in said
    assert "→ write DJANGO_SECRET_KEY=… into .env" in said
    assert not compose.containers("web") and not compose.containers("rabbitmq")
    (checkout / ".env").unlink()
    compose("config", "-q")  # and lab needs none


def succeeded(task: str, log: str) -> list[str]:
    """The ids of a task that a worker's log reports as done."""
    return re.findall(rf"{re.escape(task)}\[([\w-]+)\] succeeded", log)


class Web:
    """The stack's web service, from the host."""

    def __init__(self, env: dict[str, str]):
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{env['STACK_WEB_PORT']}", timeout=30)

    def post(self, count: int, side: int = SIDE) -> list[str]:
        asked = [
            self.client.post("/api/sums/", json={"x": side, "y": side}).raise_for_status()
            for _ in range(count)
        ]
        return [answer.json()["id"] for answer in asked]

    def ask(self, job: str) -> dict:
        return self.client.get(f"/api/sums/{job}/").raise_for_status().json()

    def metric(self, name: str, queue: str) -> float:
        text = self.client.get("/metrics").raise_for_status().text
        return float(re.search(rf'^{name}{{queue="{queue}"}} (\S+)', text, re.M)[1])

    def wait_until_canary(self, queue: str, since: float) -> None:
        """Wait until beat has sent a canary through the queue, and a worker has taken it."""
        wait_until(
            lambda: self.metric("canary_age_seconds", queue) < time.monotonic() - since,
            limit=60,
            what=f"a new canary of {queue}",
        )

    def wait_until(self, jobs: list[str], *states: str, limit: float = 120) -> None:
        wait_until(
            lambda: all(self.ask(job)["state"] in states for job in jobs),
            limit=limit,
            what=f"{' or '.join(states)} of every job",
        )


@pytest.fixture(scope="session")
def web(compose, checkout, env):
    """The whole stack, up; its web service."""
    secrets = f"'{PASSWORD}'"
    names = re.findall(r"^(\w+)=", (checkout / ".env.example").read_text(), re.M)
    (checkout / ".env").write_text("".join(f"{name}={secrets}\n" for name in names))
    compose("--profile", "stack", "up", "-d", "--no-build", "web", *WORKERS, "beat")
    compose.wait_until_healthy("rabbitmq", "db", "web", *WORKERS)
    web = Web(env)
    with web.client:
        yield web


def test_every_service_is_guarded(compose, web, say):
    services = ("rabbitmq", "db", "web", *WORKERS, "beat")
    say("memory of stack at rest", megabytes(compose, *services))
    for service in services:
        [container] = compose.containers(service)
        assert compose.facts(container, ".HostConfig.RestartPolicy.Name") == "unless-stopped"
        assert compose.facts(container, ".HostConfig.Memory") == str(512 * 2**20)
    for service in ("web", *WORKERS, "beat"):
        assert compose("exec", "-T", service, "id", "-u").strip() != "0"
    [sums] = compose.containers("sums")
    longest = setting(compose, "CELERY_TASK_TIME_LIMIT")
    assert int(compose.facts(sums, ".Config.StopTimeout")) > longest, "a task may finish"


def setting(compose: Compose, name: str) -> int:
    ask = f"from django.conf import settings; print(settings.{name})"
    return int(compose("exec", "-T", "web", "python", "manage.py", "shell", "-v0", "-c", ask))


def ctl(compose: Compose, *words: str) -> list[list[str]]:
    """The rows of a table of rabbitmqctl's."""
    said = compose("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", *words)
    return [line.split("\t") for line in said.splitlines()[1:]]


def test_the_broker_has_the_learners_user_and_no_guest(compose, web, env):
    assert [user for user, *_ in ctl(compose, "list_users")] == ["learner"]
    assert ["/vhost"] in ctl(compose, "list_vhosts")
    assert ctl(compose, "list_permissions", "-p", "/vhost") == [["learner", ".*", ".*", ".*"]]
    management = f"http://127.0.0.1:{env['STACK_MANAGEMENT_PORT']}/api/whoami"
    assert httpx.get(management, auth=("guest", "guest")).status_code == 401
    assert httpx.get(management, auth=("learner", PASSWORD)).json()["name"] == "learner"


def test_a_sum_is_accepted_at_once_and_the_workers_finish_it(web, say):
    answer = web.client.post("/api/sums/", json={"x": SIDE, "y": SIDE})
    seconds, job = answer.elapsed.total_seconds(), answer.json()
    assert answer.status_code == 202
    with Stopwatch() as work:
        web.wait_until([job["id"]], "SUCCESS", limit=60)
    assert web.ask(job["id"])["result"] == RESULT
    say("a POST's answer / its work", f"{seconds * 1000:.0f} ms / {work.seconds:.1f} s")


def test_each_queue_has_its_policy_and_its_own_worker(compose, web):
    columns = ("name", "type", "policy", "consumers")
    queues = {name: rest for name, *rest in ctl(compose, "list_queues", "-p", "/vhost", *columns)}
    assert queues["sums"] == queues["quick"] == ["quorum", "sums", "1"]
    assert queues["dead"] == ["quorum", "", "0"]
    bindings = ctl(compose, "list_bindings", "-p", "/vhost", "routing_key", "destination_name")
    for queue in WORKERS:
        assert [f"#.{queue}", queue] in bindings, "a delayed task comes back"
    inspect = ("celery", "-A", "celery_testing", "inspect", "--json")

    def ask(what: str) -> dict:
        """What each worker answers, by the first part of its name."""
        said = json.loads(compose("exec", "-T", "web", *inspect, what))
        return {name.split("@")[0]: answer for name, answer in said.items()}

    taken = {
        name: [queue["name"] for queue in found] for name, found in ask("active_queues").items()
    }
    assert taken == {"sums": ["sums"], "quick": ["quick"]}
    pools = {name: answer["pool"] for name, answer in ask("stats").items()}
    assert pools["sums"]["max-concurrency"] == 2 == len(pools["sums"]["processes"])
    assert pools["quick"]["max-concurrency"] == 50 and "threads" in pools["quick"]


def test_quick_work_does_not_wait_for_sums(compose, web, say):
    compose("exec", "-T", "-d", "web", "python", "-c", MEETING)
    jobs = web.post(20)
    posted = time.monotonic()
    compose("exec", "-T", "web", "python", "manage.py", "shell", "-v0", "-c", TELL)
    wait_until(
        lambda: len(succeeded("receipts.tasks.tell", compose.logs("quick"))) == TOLD,
        limit=60,
        what="the end of every task that tells",
    )
    told = time.monotonic() - posted
    web.wait_until_canary("quick", since=posted)
    ages = " / ".join(f"{web.metric('canary_age_seconds', queue):.1f} s" for queue in WORKERS)
    canceled = [web.client.delete(f"/api/sums/{job}/").status_code for job in reversed(jobs)]
    assert canceled[0] == 202, "the last sum is not over"
    say(f"{TOLD} quick tasks, while {len(jobs)} sums are counted", f"{told:.1f} s")
    say("age of a canary at that time: sums / quick", ages)
    wait_until(lambda: not web.metric("queue_messages", "sums"), limit=60, what="an empty queue")
    assert not succeeded("sums.tasks.sum_rows", compose.logs("quick"))


def test_the_guides_view_without_limits_is_not_routed(web):
    assert web.client.get(f"/sum/{SIDE}/{SIDE}/").status_code == 404


def test_the_page_has_its_styles_and_a_form_that_works(web):
    page = web.client.get("/")
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
        assert web.client.get(path).is_success, path
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    key = re.search(r'name="key" value="([\w-]+)"', page.text)[1]
    form = {"csrfmiddlewaretoken": token, "key": key, "x": 3, "y": 4}
    assert web.client.post("/", data=form).status_code in (200, 302)


def test_three_workers_share_and_a_killed_one_and_a_restarted_broker_lose_nothing(compose, web):
    up = ("--profile", "stack", "up", "-d", "--no-build", "--no-recreate")
    compose(*up, "--scale", "sums=3", "sums")
    compose.wait_until_healthy("sums")
    workers = compose.containers("sums")
    assert len(workers) == 3
    before = {worker: compose.docker("logs", worker) for worker in workers}

    def parts(worker: str, what: str) -> int:
        words = compose.docker("logs", worker).removeprefix(before[worker])
        return len(re.findall(rf"sums\.tasks\.sum_rows\[[\w-]+\] {what}", words))

    web.wait_until(web.post(30, side=2000), "SUCCESS")
    did = {worker: parts(worker, "succeeded") for worker in workers}
    assert min(did.values()) >= 10, f"one did nearly nothing: {did}"

    jobs = web.post(12)

    def at_work() -> str | None:
        """A worker that has taken more than it has finished."""
        for worker in workers:
            if parts(worker, "received") > parts(worker, "succeeded"):
                return worker
        return None

    victim = wait_until(at_work, limit=30, what="a worker in the middle of a task")
    compose.docker("kill", victim)
    compose("restart", "rabbitmq")
    restarted = time.monotonic()
    web.wait_until(jobs, "SUCCESS", limit=180)
    assert {web.ask(job)["result"] for job in jobs} == {RESULT}
    assert victim not in compose.containers("sums")
    for queue in WORKERS:  # beat and both kinds of workers are connected again
        web.wait_until_canary(queue, since=restarted)


def test_a_worker_that_is_stopped_finishes_first(compose, web):
    compose("--profile", "stack", "up", "-d", "--no-build", "--scale", "sums=1", "sums")
    compose.wait_until_healthy("sums")
    stopped = [*compose.containers("sums"), *compose.containers("quick")]
    [job] = web.post(1)
    web.wait_until([job], "STARTED", "PROGRESS")
    compose("stop", *WORKERS)
    for worker in stopped:
        assert "Warm shutdown" in compose.docker("logs", worker)
        assert compose.facts(worker, ".State.ExitCode") == "0"
    # what it had begun, it finished; what it had not, waits for the next one
    compose("--profile", "stack", "up", "-d", "--no-build", *WORKERS)
    web.wait_until([job], "SUCCESS")


def test_down_leaves_nothing(compose, web):
    compose("--profile", "stack", "down", "-v")
    assert not compose.left()
