"""What Binder does with `.binder/`, done without Binder: `make test-docker`.

repo2docker installs the packages of apt.txt as root, then becomes an ordinary user whose home
the checkout is, installs requirements.txt from there, and starts Jupyter by `start`. Here that
happens in a bare Debian in a chroot; its Python is Debian's own, not the one of runtime.txt.
"""

import contextlib
import json
import subprocess
from pathlib import Path

import httpx
import pytest

from tools.debian import (
    Chroot,
    Impossible,
    bare_debian,
    copy_checkout,
    copy_pips_settings,
    require,
)
from workshop import places
from workshop.machine.patience import wait_until
from workshop.machine.ports import free_port

HUB = "/user/jovyan/"
USERS = {"jovyan": 1000, "ann": 1001}  # the second is for a hub on one host
VENV = "/srv/env"


class Host(Chroot):
    """The chroot, where the environment's commands come first."""

    PATH = f"{VENV}/bin:{Chroot.PATH}"

    def folder(self, user: str) -> Path:
        return self.root / self.home(user).lstrip("/")


@pytest.fixture(scope="session")
def host(impossible):
    with contextlib.ExitStack() as stack:
        try:
            require()
            host = stack.enter_context(Host(stack.enter_context(bare_debian("bookworm"))))
        except Impossible as why:
            impossible(str(why))
        packages = (places.CHECKOUT / ".binder" / "apt.txt").read_text().split()
        host.install("python3", "python3-venv", *packages)  # Binder's own Python comes by conda
        for user, uid in USERS.items():
            host.add_user(user, uid)
            copy_pips_settings(host.root, host.home(user))
            copy_checkout(host.folder(user))
            host("root", "chown", "-R", f"{user}:{user}", host.home(user))
        host("root", "python3", "-m", "venv", VENV)
        host("root", "chown", "-R", "jovyan:", VENV)
        host("jovyan", "pip", "install", "-q", "--no-cache-dir", "-r", ".binder/requirements.txt")
        yield host


@contextlib.contextmanager
def started(host: Host, *words: str, env: dict[str, str]):
    """What `start` starts; ended with all that it started."""
    log = host.root / "tmp" / "start.log"
    with log.open("w") as out:
        running = subprocess.Popen(
            host.words("jovyan", ".binder/start", *words, env=env),
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield log
    finally:
        running.terminate()
        running.wait(20)
        host("jovyan", "python", "-m", "workshop", "stop")


def test_start_leads_to_a_lab_at_the_hubs_address(host):
    port = free_port()
    env = {"JUPYTERHUB_SERVICE_PREFIX": HUB, "JUPYTERHUB_API_TOKEN": "secret"}
    words = ("jupyter", "lab", "--no-browser", f"--ServerApp.port={port}")
    words += (f"--ServerApp.base_url={HUB}", "--IdentityProvider.token=secret")
    with started(host, *words, env=env) as log:
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}{HUB}", headers={"Authorization": "token secret"}
        )

        def answers() -> bool:
            try:
                return client.get("api").is_success
            except httpx.HTTPError:
                return False

        with client:
            wait_until(answers, limit=60, what=f"Jupyter: {log.read_text()}")
            there = client.get("api/contents/notebooks/00_start.ipynb")
            assert there.is_success
            # a terminal of Lab has the course's commands, and its node's
            name = client.post("api/terminals").json()["name"]
            assert name
            said = host("jovyan", "python", "-m", "workshop", "next", env=env)
            assert f"{HUB}lab/workspaces/01_broker" in said
            assert client.get("management/").status_code in (200, 301, 302)


def test_notebooks_pass_nbval_as_an_ordinary_user(host):
    env = {"WORKSHOP_SOLVED": "1"}
    books = ("notebooks/01_broker.ipynb", "notebooks/03_worker.ipynb", "notebooks/07_result.ipynb")
    said = host("jovyan", "python", "-m", "pytest", "-q", *books, env=env)
    assert " passed" in said and "failed" not in said


def test_pages_links_and_management_go_through_jupyter(host):
    said = host("jovyan", "python", "-m", "pytest", "-q", "tests/lab/test_hub.py")
    assert " passed" in said and "failed" not in said


def test_two_users_of_one_host_do_not_meet(host):
    both = [
        subprocess.Popen(
            host.words(user, "python", "-m", "workshop", "solve", "02", env=of(user)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for user in USERS
    ]
    try:
        for one in both:
            said, _ = one.communicate(timeout=120)
            assert one.returncode == 0, said
        kept = {
            user: json.loads((host.folder(user) / ".rabbitmq" / "node.json").read_text())
            for user in USERS
        }
        one, other = kept.values()
        assert not set(one["ports"].values()) & set(other["ports"].values())
        assert one["name"] != other["name"] and one["password"] != other["password"]
        ctl = ".rabbitmq/bin/rabbitmqctl"
        host("ann", ctl, "add_vhost", "anns", env=of("ann"))
        assert "anns" in host("ann", ctl, "list_vhosts", env=of("ann"))
        assert "anns" not in host("jovyan", ctl, "list_vhosts", env=of("jovyan"))
        host("ann", "python", "-m", "workshop", "stop", env=of("ann"))
        assert "/" in host("jovyan", ctl, "list_vhosts", env=of("jovyan")), "and it goes on"
    finally:
        for user in USERS:
            host(user, "python", "-m", "workshop", "stop", env=of(user))


def of(user: str) -> dict[str, str]:
    """Each has the packages in common, and a checkout of their own."""
    return {"PYTHONPATH": f"/home/{user}"}
