"""The sums of stage 07, live: its API, its page in a real Chromium, its other database.

One broker, one worker of a single process and one of Django's own servers serve all tests of
this file. Screenshots of the page are left in `.journey/`.
"""

import contextlib
import json
import os
import pwd
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
from celery import Celery
from kombu import Queue

from workshop import places
from workshop.broker import login
from workshop.desk import stages
from workshop.machine import process
from workshop.machine.patience import by_clock, wait_until
from workshop.machine.ports import free_port
from workshop.machine.process import Running
from workshop.project.browser import in_chromium, missing
from workshop.project.sandbox import Sandbox
from workshop.project.web import Web

LONG = {"x": 10_000, "y": 10_000}  # two seconds and more
SHORT = {"x": 3, "y": 4}
OVER = ("SUCCESS", "FAILURE", "REVOKED")
TASK = "sums.tasks.sum_number"
SHOTS = places.CHECKOUT / ".journey"


class Sums:
    """The project, and what somebody does with its API."""

    def __init__(self, sandbox: Sandbox):
        self.sandbox = sandbox
        sandbox.migrate()
        self.web, self.worker = self.both()

    def work(self, **env: str) -> Running:
        """A worker that does one task at a time, in the order in which they came."""
        return self.sandbox.start_worker(name=uuid.uuid4().hex[:8], concurrency=1, env=env)

    def both(self, **env: str) -> tuple[Web, Running]:
        """A server and a worker, started at once."""
        with ThreadPoolExecutor(2) as two:
            web, worker = two.submit(self.sandbox.serve, env), two.submit(self.work, **env)
            return web.result(), worker.result()

    def post(self, job: dict, key: str = "", web: Web | None = None):
        headers = {"Idempotency-Key": key} if key else {}
        return (web or self.web).ask("POST", "/api/sums/", json=job, headers=headers)

    def begin(self, job: dict, key: str = "") -> dict:
        def answered():  # after a 503, which a busy broker may cause, a client asks again
            answer = self.post(job, key)
            return None if answer.status_code == 503 else answer

        answer = wait_until(answered, limit=5, what="another answer than 503")
        assert answer.status_code == 202, answer.text
        return answer.json()

    def get(self, job: dict) -> dict:
        answer = self.web.get(f"/api/sums/{job['id']}/")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def cancel(self, job: dict):
        return self.web.ask("DELETE", f"/api/sums/{job['id']}/")

    def listed(self, web: Web | None = None) -> dict:
        return (web or self.web).get("/api/sums/").json()

    def over(self, job: dict) -> dict:
        def last() -> dict | None:
            found = self.get(job)
            return found if found["state"] in OVER else None

        return wait_until(last, limit=30, what="the end of the job")

    def log(self, job: dict) -> list[str]:
        """What the worker said of a job, once it has done all that was sent before now."""
        self.over(self.begin({"x": 1, "y": 1}))
        return [line for line in self.worker.text().splitlines() if job["id"] in line]

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """The worker is at a long sum until the block is left."""
        long = self.begin(LONG)
        self.worker.wait_for(rf"{long['id']}\]: counting")
        yield
        self.cancel(long)

    def publish(self, **kwargs) -> dict:
        """A job whose message has other arguments than the project would send: it fails."""
        job = {"id": str(uuid.uuid4())}
        row = (uuid.UUID(job["id"]).hex, 5, 6, *["2026-11-23 12:00:00"] * 2)
        with self.database() as database:
            database.execute(
                "INSERT INTO sums_job (id, x, y, created, sent) VALUES (?, ?, ?, ?, ?)", row
            )
        with Celery(
            broker=login.url(self.sandbox.broker, self.sandbox.vhost), set_as_current=False
        ) as app:
            app.send_task(TASK, (), kwargs, task_id=job["id"], queue=self.sandbox.queue)
        return job

    @contextlib.contextmanager
    def database(self):
        database = sqlite3.connect(self.sandbox.database, timeout=by_clock(20))
        with contextlib.closing(database), database:
            yield database


@pytest.fixture(scope="module")
def project(broker, warm):
    stage = stages.find("07")
    stages.begin(stage, port=broker.port)
    with Sandbox(stage, broker, warm) as sandbox:
        yield Sums(sandbox)


@pytest.fixture
def sums(project) -> Sums:
    """The project without any job: those of earlier tests end at their next step, unseen."""
    with project.database() as database:
        database.execute("UPDATE sums_job SET sent = NULL, key = NULL, cancelled = created")
    return project


@pytest.fixture(scope="module")
def brokerless(project) -> Web:
    """A server of the same project whose broker is down."""
    return project.sandbox.serve(
        {"BROKER_URL": f"amqp://learner:sesame@localhost:{free_port()}//vhost"}
    )


# --- the API -----------------------------------------------------------------------------------


def test_a_post_is_answered_at_once_with_the_address_of_its_job(sums):
    with sums.busy():
        answer = sums.post(LONG)
        job = answer.json()
        assert answer.status_code == 202
        assert answer.elapsed.total_seconds() < 1
        assert answer.headers["Location"] == job["url"] == f"{sums.web.base}/api/sums/{job['id']}/"
        assert job["state"] == "PENDING"
        assert sums.web.get(job["url"]).json() == job


def test_a_job_goes_from_pending_through_progress_to_its_result(sums):
    with sums.busy():
        job = sums.begin({"x": 5000, "y": 4000})
        states, percents = ["PENDING"], [0]
        assert sums.get(job)["state"] == "PENDING"
    while states[-1] not in OVER:
        found = sums.get(job)
        states += [found["state"]] if found["state"] != states[-1] else []
        percents.append(found["percent"])
        assert (found["result"] is None) == (found["state"] != "SUCCESS")
    assert [state for state in states if state != "STARTED"] == ["PENDING", "PROGRESS", "SUCCESS"]
    assert percents == sorted(percents) and percents[-1] == 100
    assert any(0 < percent < 100 for percent in percents)
    assert found["result"] == 20_000_000


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("name", [str(uuid.UUID(int=7)), "12", "no-such-job", "%00"])
def test_a_job_that_nobody_asked_for_is_not_found(sums, method, name):
    assert sums.web.ask(method, f"/api/sums/{name}/").status_code == 404


@pytest.mark.parametrize("value", [0, -1, 10_001, 10**30, 1.5, "many", "", None, [], True])
@pytest.mark.parametrize("name", ["x", "y"])
def test_a_number_out_of_its_limits_is_named(sums, name, value):
    answer = sums.post({**SHORT, name: value})
    assert answer.status_code == 400
    assert list(answer.json()) == [name]
    assert sums.listed()["count"] == 0


def test_what_is_missing_is_named(sums):
    for body, names in (({"x": 3}, {"y"}), ({"y": 4}, {"x"}), ({}, {"x", "y"})):
        answer = sums.post(body)
        assert (answer.status_code, set(answer.json())) == (400, names)


def test_the_list_is_newest_first_and_has_ten_a_page(sums):
    with sums.busy():
        jobs = [sums.begin({"x": number, "y": 1})["id"] for number in range(1, 12)]
        first = sums.listed()
        second = sums.web.get(first["next"]).json()
        assert first["count"] == 12 and second["next"] is None
        assert [job["id"] for job in first["results"]] == jobs[:0:-1]
        assert len(second["results"]) == 2 and second["results"][0]["id"] == jobs[0]


def test_a_job_that_is_cancelled_while_it_waits_is_not_done(sums):
    with sums.busy():
        job = sums.begin(SHORT)
        answer = sums.cancel(job)
        assert (answer.status_code, answer.json()["state"]) == (202, "REVOKED")
    said = sums.log(job)
    assert "ignored" in said[-1] and not any("succeeded" in line for line in said)
    assert sums.get(job)["state"] == "REVOKED"


def test_a_job_that_is_cancelled_while_it_runs_stops(sums):
    job = sums.begin(LONG)
    wait_until(lambda: sums.get(job)["percent"], limit=10, what="progress")
    assert sums.cancel(job).status_code == 202
    said = sums.log(job)
    assert "ignored" in said[-1] and not any("succeeded" in line for line in said)
    found = sums.get(job)
    assert (found["state"], found["result"]) == ("REVOKED", None)
    assert sums.cancel(job).status_code == 202  # a DELETE may be repeated


def test_a_job_that_is_over_cannot_be_cancelled(sums):
    job = sums.begin(SHORT)
    assert sums.over(job)["result"] == 12
    answer = sums.cancel(job)
    assert (answer.status_code, "over" in answer.json()["detail"]) == (409, True)
    assert sums.get(job)["result"] == 12


def test_what_failed_says_so_and_is_over(sums):
    job = sums.publish(z=4)
    found = sums.over(job)
    assert (found["state"], found["result"]) == ("FAILURE", None)
    assert sums.cancel(job).status_code == 409


def test_the_same_key_again_is_the_same_job_and_no_second_message(sums):
    first, second = (sums.begin(SHORT, key="once") for _ in range(2))
    assert first["id"] == second["id"]
    assert sums.over(first)["result"] == 12
    assert sums.begin(SHORT, key="once")["result"] == 12
    assert sums.listed()["count"] == 1
    assert sum("received" in line for line in sums.log(first)) == 1


def test_a_key_belongs_to_one_sum(sums):
    sums.begin(SHORT, key="mine")
    answer = sums.post({"x": 5, "y": 4}, key="mine")
    assert (answer.status_code, "3" in answer.json()["detail"]) == (422, True)
    assert sums.listed()["count"] == 1


def test_eight_at_once_with_one_key_are_one_job(sums):
    gate = threading.Barrier(8)

    def one(_) -> dict:
        gate.wait(by_clock(10))
        return sums.begin(SHORT, key="eight")

    with sums.busy(), ThreadPoolExecutor(8) as eight:
        found = list(eight.map(one, range(8)))
    assert len({job["id"] for job in found}) == 1
    assert sums.over(found[0])["result"] == 12
    assert sum("received" in line for line in sums.log(found[0])) == 1


def test_a_key_has_at_most_200_characters(sums):
    answer = sums.post(SHORT, key="k" * 201)
    assert (answer.status_code, list(answer.json())) == (400, ["Idempotency-Key"])
    assert sums.listed()["count"] == 0
    sums.begin(SHORT, key="k" * 200)


def test_without_a_broker_nothing_is_accepted_and_the_key_may_be_tried_again(sums, brokerless):
    for key in ("", "again"):
        answer = sums.post(SHORT, key=key, web=brokerless)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        assert sums.listed()["count"] == sums.listed(brokerless)["count"] == 0
    job = sums.begin(SHORT, key="again")
    assert sums.over(job)["result"] == 12


def test_the_schema_promises_nothing_that_ends_in_a_5xx(sums, tmp_path):
    queue = "schema"  # no worker is at it: what is posted need not be done
    web = sums.sandbox.serve({"WORKSHOP_QUEUE": queue})
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{web.base}/api/schema/"),
            *("--phases", "fuzzing", "--max-examples", "25", "--no-color"),
            *("--checks", "not_a_server_error,response_schema_conformance"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=by_clock(60),
    )
    with (
        login.connect(sums.sandbox.broker, sums.sandbox.vhost) as connection,
        connection.channel() as channel,
    ):
        Queue(queue)(channel).delete()
    assert done.returncode == 0, done.stdout
    assert "Tested: 4" in done.stdout


# --- the page ----------------------------------------------------------------------------------

in_a_browser = pytest.mark.skipif(
    bool(missing()) and not os.environ.get("CI"),
    reason=f"{missing()} on this machine: make browser",
)
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


def visit(web: Web, steps: Callable, **context) -> None:
    """`steps(page)` on the first page, with nothing asked of any other server."""
    assert not missing(), f"{missing()}: make browser"
    SHOTS.mkdir(exist_ok=True)
    asked, errors = [], []

    def work(page) -> None:
        page.set_default_timeout(by_clock(15_000))
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(web.base)
        steps(page)

    in_chromium(work, **{"viewport": {"width": 800, "height": 700}, **context})
    assert asked and not [url for url in asked if not url.startswith((f"{web.base}/", "data:"))]
    assert not errors


def shot(page, name: str) -> None:
    page.screenshot(path=SHOTS / f"page-{name}.png", full_page=True)


def send(page, x: int, y: int) -> None:
    page.fill("#id_x", str(x))
    page.fill("#id_y", str(y))
    page.click("#send")


def in_state(page, state: str):
    """The article that is in this state, once there is one."""
    found = page.locator(f"article[data-state={state}]")
    found.first.wait_for()
    return found


def focused(page) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.localName")


def wait_for_bar(page, above: int = 0) -> int:
    """The bar's value, once it is more than `above`."""
    more = "above => (document.querySelector('progress')?.value ?? 0) > above"
    page.wait_for_function(more, arg=above)
    return page.evaluate("document.querySelector('progress')?.value ?? 100")


@in_a_browser
def test_the_form_gives_a_bar_that_fills_and_then_the_result(sums):
    def steps(page) -> None:
        shot(page, "empty")
        send(page, **LONG)
        first = wait_for_bar(page)
        shot(page, "works")
        assert 0 < first < wait_for_bar(page, above=first) < 100
        assert "= 100,000,000" in in_state(page, "SUCCESS").inner_text()
        assert not page.locator("progress, article button").count()
        shot(page, "result")

    visit(sums.web, steps)


@in_a_browser
def test_a_click_on_cancel_ends_a_running_sum(sums):
    def steps(page) -> None:
        send(page, **LONG)
        wait_for_bar(page)
        page.get_by_role("button", name="Cancel").click()
        assert "canceled" in in_state(page, "REVOKED").inner_text()
        assert not page.locator("progress, article button").count()
        shot(page, "cancelled")

    visit(sums.web, steps)
    assert [job["state"] for job in sums.listed()["results"]] == ["REVOKED"]


@in_a_browser
def test_the_keyboard_alone_sends_and_cancels(sums):
    def tab_to(page, name: str) -> None:
        for _ in range(10):
            if focused(page).startswith(name):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"ten times Tab, and {name} has no focus")

    def steps(page) -> None:
        for name, value in (("id_x", LONG["x"]), ("id_y", LONG["y"])):
            tab_to(page, name)
            page.keyboard.type(str(value))
        tab_to(page, "send")
        shot(page, "focus")
        page.keyboard.press("Enter")
        wait_for_bar(page)
        tab_to(page, "cancel-")
        page.keyboard.press("Enter")
        in_state(page, "REVOKED")

    visit(sums.web, steps)
    assert [(job["x"], job["state"]) for job in sums.listed()["results"]] == [(10_000, "REVOKED")]


def is_narrow(page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} pixels too wide"


@in_a_browser
def test_on_a_phone_twelve_jobs_are_not_wider_than_the_screen(sums):
    def steps(page) -> None:
        shot(page, "phone")
        assert page.locator("article").count() == 10
        is_narrow(page)
        page.get_by_role("link", name="older").click()
        wait_for_bar(page)
        assert page.locator("article").count() == 2
        is_narrow(page)

    for _ in range(12):
        job = sums.begin(LONG)
    sums.cancel(job)
    visit(sums.web, steps, **PHONE)


def is_beneath(it, other) -> None:
    """It begins where the other ends, or lower, and in the same column."""
    upper, lower = other.bounding_box(), it.bounding_box()
    assert lower["y"] >= upper["y"] + upper["height"]
    assert upper["x"] <= lower["x"] < upper["x"] + upper["width"]


@in_a_browser
def test_a_number_out_of_its_limits_is_told_beside_its_field_and_kept(sums):
    def steps(page) -> None:
        page.evaluate("document.querySelector('form').noValidate = true")
        send(page, 10_001, 7)
        said = page.locator(".error")
        said.wait_for()
        shot(page, "limit")
        assert "10000" in said.inner_text()
        values = [page.input_value(name) for name in ("#id_x", "#id_y")]
        assert values == ["10001", "7"]
        field = page.locator("#id_x")
        assert field.get_attribute("aria-invalid") == "true"
        assert said.get_attribute("id") in field.get_attribute("aria-describedby").split()
        beside = page.locator(".field").filter(has=field)
        assert beside.locator(".error").count() == page.locator(".error").count() == 1
        is_beneath(said, field)

    visit(sums.web, steps)
    assert sums.listed()["count"] == 0


@in_a_browser
def test_without_a_broker_the_page_says_so_and_keeps_what_was_entered(sums, brokerless):
    def steps(page) -> None:
        send(page, 77, 88)
        alert = page.locator(".alert:visible")
        alert.wait_for()
        shot(page, "no-broker")
        assert "broker" in alert.inner_text() and alert.get_attribute("role") == "alert"
        assert [page.input_value(name) for name in ("#id_x", "#id_y")] == ["77", "88"]
        assert not page.locator("article").count()

    visit(brokerless, steps)


@in_a_browser
def test_without_javascript_it_works_by_links_and_forms(sums):
    def steps(page) -> None:
        send(page, **LONG)
        assert page.url == f"{sums.web.base}/"
        page.reload()  # of what a redirect led to: nothing is sent again
        page.get_by_role("link", name="10,000 × 10,000").click()
        assert "/sums/" in page.url
        while page.locator("progress").get_attribute("value") == "0":
            page.get_by_role("link", name="look again").click()
        shot(page, "no-javascript")
        page.get_by_role("button", name="Cancel").click()
        in_state(page, "REVOKED")
        assert not page.get_by_role("link", name="look again").count()

    visit(sums.web, steps, java_script_enabled=False)
    assert sums.listed()["count"] == 1


@in_a_browser
def test_the_focus_stays_on_cancel_while_the_bar_is_drawn_again(sums):
    def steps(page) -> None:
        send(page, **LONG)
        value = wait_for_bar(page)
        cancel = page.locator("article button")
        cancel.focus()
        page.evaluate("window.before = document.querySelector('article')")
        for _ in range(2):
            value = wait_for_bar(page, above=value)
            assert focused(page) == cancel.get_attribute("id")
        assert not page.evaluate("document.body.contains(window.before)"), "it was not drawn again"
        cancel.click()
        in_state(page, "REVOKED")

    visit(sums.web, steps)


@in_a_browser
def test_the_focus_stays_in_the_article_when_the_button_cancel_is_gone(sums):
    def steps(page) -> None:
        for state in ("REVOKED", "SUCCESS"):  # cancelled by keyboard; at its end
            send(page, **LONG)
            assert [page.input_value(name) for name in ("#id_x", "#id_y")] == ["10000", "10000"]
            wait_for_bar(page)
            page.locator("article button").focus()
            if state == "REVOKED":
                page.keyboard.press("Enter")
            in_state(page, state)
            within = "document.activeElement.closest('article')?.dataset.state"
            assert page.evaluate(within) == state

    visit(sums.web, steps)


# --- the panel beside the jobs -----------------------------------------------------------------


def test_the_panel_counts_the_workers_and_the_messages_that_wait(sums):
    waiting = {"WORKSHOP_QUEUE": "panel"}  # nobody is at it until a worker begins
    web = sums.sandbox.serve(waiting)

    def panel() -> str:
        answer = web.get("/status/")
        assert answer.status_code == 200
        return " ".join(re.sub("<[^>]+>", "", answer.text).split())

    assert "none online" in panel() and "0 messages" in panel()  # there is no such queue yet
    jobs = [sums.post(SHORT, web=web).json() for _ in range(2)]
    wait_until(lambda: "2 messages" in panel(), limit=10, what="two messages in the panel")
    with sums.work(**waiting):
        wait_until(lambda: "1 online" in panel(), limit=20, what="a worker in the panel")
        assert [sums.over(job)["result"] for job in jobs] == [12, 12]
        wait_until(lambda: "0 messages" in panel(), limit=10, what="an empty queue in the panel")


def test_without_a_broker_the_panel_says_so_at_once(sums, brokerless):
    answer = brokerless.get("/status/")
    assert answer.status_code == 200 and "The broker does not answer." in answer.text
    assert brokerless.median("/status/", 3) < 1


@in_a_browser
def test_the_panel_is_filled_and_drawn_again_only_when_it_says_something_else(sums):
    def steps(page) -> None:
        page.get_by_text("1 online").wait_for()
        page.evaluate("document.querySelector('#status h2').id = 'drawn-once'")
        for _ in range(2):
            page.wait_for_event("response", lambda answer: answer.url.endswith("/status/"))
        assert page.locator("#drawn-once").count()

    visit(sums.web, steps)


@in_a_browser
def test_every_field_has_a_label_and_every_link_and_button_a_name(sums):
    def steps(page) -> None:
        names = page.evaluate(
            """() => [...document.querySelectorAll("input:not([type=hidden]), button, a, progress")]
            .map(it => [it.localName, it.labels?.length ? it.labels[0].innerText : "",
                        it.ariaLabel ?? (it.localName == "input" ? "" : it.innerText)])"""
        )
        assert {kind for kind, *_ in names} == {"input", "button", "a", "progress"}
        assert not [(kind, *said) for kind, *said in names if not any(said)]
        assert page.get_by_label("Rows (x)", exact=True).get_attribute("id") == "id_x"
        assert page.get_by_label("Per row (y)", exact=True).get_attribute("id") == "id_y"
        shot(page, "dark")

    sums.over(sums.publish(z=4))
    sums.over(sums.begin(SHORT))
    for _ in range(9):
        sums.begin(LONG)
    visit(sums.web, steps, color_scheme="dark")


# --- PostgreSQL --------------------------------------------------------------------------------

INITDB = shutil.which("initdb") or next(
    map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None
)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL of the test's own; it refuses root, so nobody runs it."""
    tools, port = Path(INITDB).resolve().parent, free_port()
    nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups " * (os.geteuid() == 0)
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        if nobody:
            entry = pwd.getpwnam("nobody")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        subprocess.run(
            f"{nobody}{tools}/initdb -D {folder}/data -U course --auth=trust --no-sync",
            shell=True,
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        with process.run(
            f"{nobody}{tools}/postgres -D {folder}/data -p {port} -k {folder} -F "
            "-c listen_addresses=127.0.0.1",
            cwd=Path(folder),
            ready=process.says("ready to accept connections"),
            name="postgres",
            grace=5,
        ):
            yield f"postgres://course:unused@127.0.0.1:{port}/postgres"


@pytest.fixture(scope="module")
def by_postgres(project) -> Iterator[Web]:
    """A server of the same project, and a worker, that keep all they know in PostgreSQL."""
    if not INITDB:
        pytest.skip("no PostgreSQL (initdb) on this machine")
    with postgres() as address:
        env = {"DATABASE_URL": address, "WORKSHOP_QUEUE": "postgres"}
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "-v0"],
            cwd=project.sandbox.path,
            env={**os.environ, **project.sandbox.environment, **env},
            check=True,
        )
        web, worker = project.both(**env)
        with web.running, worker:  # both end before their database does
            yield web


def test_a_job_goes_there_and_back_by_postgresql(sums, by_postgres):
    job, again = (sums.post(SHORT, key="twice", web=by_postgres).json() for _ in range(2))
    assert job["id"] == again["id"]

    def is_done() -> bool:
        return by_postgres.get(job["url"]).json()["result"] == 12

    wait_until(is_done, limit=20, what="12 by way of PostgreSQL")
    assert sums.listed(by_postgres)["count"] == 1
    assert sums.listed()["count"] == 0  # the other database knows nothing of it


def test_a_key_that_postgresql_cannot_keep_is_the_askers_mistake(by_postgres):
    address = by_postgres.base.removeprefix("http://")
    with contextlib.closing(HTTPConnection(address)) as connection:  # httpx would not send it
        headers = {"Idempotency-Key": "a\0b", "Content-Type": "application/json"}
        connection.request("POST", "/api/sums/", json.dumps(SHORT), headers)
        answer = connection.getresponse()
        answer.read()
    assert answer.status == 400
