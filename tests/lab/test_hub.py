"""On a hub one door is open, Jupyter's own: pages, links and management go through it."""

import os
import re
import subprocess
import sys

import httpx
import pytest

from workshop import places
from workshop.desk import prepare
from workshop.machine import ports
from workshop.machine.patience import by_clock, wait_until
from workshop.project.project import Project

HUB = "/user/ann/"
# what a hub's proxy in front adds
FRONT = {"Host": "hub.example.org", "X-Forwarded-Proto": "https,http"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory, broker):
    """Jupyter as a hub starts it, with its checkout as the root; a browser that is logged in."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from jupyter_of_a_hub(monkeypatch, tmp_path_factory.mktemp("hub"), broker)


def jupyter_of_a_hub(monkeypatch, tmp_path, broker):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", HUB)
    for name in ("PORT", "PROXIED_AT", "WEB_HOSTS", "MONITOR_PORT", "MONITOR_PATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    prepare.enter(broker)
    port = ports.free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.port={port}"]
    command += [f"--ServerApp.base_url={HUB}", "--IdentityProvider.token=secret"]
    command += ["--ServerApp.allow_remote_access=True", f"--ServerApp.root_dir={places.CHECKOUT}"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    env = {**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    with (tmp_path / "log").open("w") as log:
        jupyter = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    browser = httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={**FRONT, "Authorization": "token secret"},
        trust_env=False,
        timeout=by_clock(20),
    )

    def answers() -> bool:
        try:
            return browser.get(f"{HUB}api").is_success
        except httpx.HTTPError:
            return False

    try:
        wait_until(answers, limit=60, what="Jupyter", pid=jupyter.pid)
        yield browser
    finally:
        browser.close()
        jupyter.terminate()
        wait_until(lambda: jupyter.poll() is not None, limit=15, what="its end", pid=jupyter.pid)


@pytest.fixture
def project(hub, solved, broker):
    """The newest stage's project, and its web server."""
    stage = solved("12")
    prepare.replay(stage, broker)
    project = Project(stage, stage.desk, broker)
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=stage.desk, check=True)
    project.run("python manage.py runserver --noreload $PORT")
    yield project
    project.stop()


def test_a_lessons_link_and_all_that_is_behind_it_go_through_jupyter(hub, project):
    link = project.link("/")
    beginning = f"{HUB}proxy/absolute/{os.environ['PORT']}/"
    assert link == beginning
    page = hub.get(link)
    assert page.is_success
    names = re.findall(r'(?:href|src|action|hx-\w+)="(/[^"]*)"', page.text)
    assert len(names) >= 4 and all(name.startswith(beginning) for name in names), names
    for name in re.findall(r'(?:href|src)="([^"]+\.(?:css|js))"', page.text):
        assert hub.get(name).is_success, name

    form = {
        "csrfmiddlewaretoken": re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)[1],
        "key": re.search(r'name="key" value="([\w-]+)"', page.text)[1],
        "x": "3",
        "y": "4",
    }
    cookie = {"Cookie": f"csrftoken={page.cookies['csrftoken']}"}  # httpx knows another host
    sent = hub.post(link, data=form, headers={"Origin": "https://hub.example.org", **cookie})
    assert sent.status_code == 302 and sent.headers["Location"].startswith(beginning), sent.text
    listed = hub.get(f"{link}api/sums/").json()["results"]
    assert [job["url"].split("api/")[0] for job in listed] == [f"https://hub.example.org{link}"]
    assert "Log in" in hub.get(f"{link}admin/", follow_redirects=True).text

    # and beside it the web server's own address, where checks look, is as it was
    assert [job["x"] for job in project.get("/api/sums/").json()["results"]] == [3]


def test_the_management_page_is_behind_the_same_door(hub, broker):
    page = hub.get(f"{HUB}management/")
    assert "RabbitMQ Management" in page.text
    # a browser that kept an answer would ask whether it is still good, and get a 412
    assert page.headers["Cache-Control"] == "no-store"
    who = hub.get(
        f"{HUB}management/api/whoami?token=secret", auth=("workshop", broker.kept["password"])
    )
    assert who.json()["name"] == "workshop"


def test_flower_is_behind_the_same_door_and_asks_for_its_own_password(hub, project):
    project.run("celery -A celery_testing flower")
    assert hub.get(f"{HUB}flower/").status_code == 401
    page = hub.get(f"{HUB}flower/workers", auth=("learner", "sesame"))
    assert page.is_success and "Flower" in page.text
    names = re.findall(r'(?:href|src)="(/[^"]*)"', page.text)
    assert names and all(name.startswith(f"{HUB}flower/") for name in names), names


def test_nobody_comes_in_without_jupyters_word(hub, project):
    for path in (project.link("/"), f"{HUB}management/", f"{HUB}flower/"):
        found = httpx.get(
            hub.base_url.join(path), headers=FRONT, trust_env=False, timeout=by_clock(20)
        )
        assert found.status_code in (302, 403)


def test_make_lab_on_a_hub_starts_no_second_jupyter(hub, broker):
    done = subprocess.run(
        [sys.executable, "-m", "workshop", "lab"], capture_output=True, text=True, check=True
    )
    assert "open notebooks/00_start.ipynb" in done.stdout
    assert "RabbitMQ  runs" in done.stdout
