"""`lab` opens the course, says what runs already, and `stop` ends it: on loopback alone."""

import contextlib
import os
import re
import signal
import subprocess
import sys

import httpx
import psutil
import pytest

from workshop import demo
from workshop.broker.node import Broker
from workshop.lab import jupyter
from workshop.machine.patience import by_clock, wait_until


@pytest.fixture
def environment(tmp_path):
    """A Jupyter that knows of no other, and no other's browser."""
    return {**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path), "CI": "true"}


def workshop(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "workshop", *words],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=by_clock(100),
    )


def open_lab(env: dict[str, str]) -> tuple[subprocess.Popen, str]:
    running = subprocess.Popen(
        [sys.executable, "-m", "workshop", "lab"], env=env, stdout=subprocess.PIPE, text=True
    )
    said = ""
    for line in running.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    return running, said


def get(address: str) -> httpx.Response:
    return httpx.get(address, timeout=by_clock(20), trust_env=False)


def jupyter_of(link: str) -> psutil.Process:
    port = int(re.search(r":(\d+)/", link)[1])
    for process in psutil.process_iter(["cmdline"]):
        if "jupyterlab" in (process.info["cmdline"] or []):
            with contextlib.suppress(psutil.AccessDenied):  # another user's
                for door in process.net_connections("tcp"):
                    if door.status == psutil.CONN_LISTEN and door.laddr.port == port:
                        assert door.laddr.ip in ("127.0.0.1", "::1")
                        return process
    raise AssertionError(f"nothing listens on {port}")


def test_lab_opens_says_what_runs_survives_sigkill_and_stops(environment):
    running, said = open_lab(environment)
    try:
        link = re.search(r"http://127\.0\.0\.1:\d+/lab/workspaces/\w+\?token=\w+", said)
        assert link and "✓ RabbitMQ" in said and "✓ Jupyter" in said
        assert get(link[0]).status_code == 200
        assert get(link[0].split("?")[0]).status_code in (302, 403)  # no way in without it
        jupyter = jupyter_of(link[0])

        again = workshop("lab", env=environment)
        assert again.returncode == 0
        assert "Jupyter   is running" in again.stdout and "RabbitMQ  is running" in again.stdout
        assert link[0] in again.stdout

        running.kill()
        running.wait()
        assert link[0] in workshop("lab", env=environment).stdout

        stopped = workshop("stop", env=environment)
        assert "ended     JupyterLab" in stopped.stdout and "ended     RabbitMQ" in stopped.stdout
        wait_until(lambda: not jupyter.is_running(), limit=10, what="Jupyter's end")
        assert Broker().pid is None
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
        workshop("stop", env=environment)


def test_ctrl_c_ends_jupyter_and_names_the_next_thing_to_type(environment):
    running, said = open_lab(environment)
    jupyter = jupyter_of(re.search(r"http://\S+", said)[0])
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=by_clock(30))
    assert "make stop" in rest
    wait_until(lambda: not jupyter.is_running(), limit=10, what="Jupyter's end")


def test_the_demo_ends_with_the_measured_values(environment):
    done = workshop("demo", env=environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    pattern = r"answered in [\d.]+ ms · worked for [\d.]+ s · result 100000000"
    assert re.fullmatch(pattern, lines[-1])
    assert f"GET {demo.REQUEST}" in lines
    assert any("succeeded in" in line for line in lines)
    assert '{"res":"good"}' in done.stdout


@pytest.mark.parametrize("dock", [None, {"type": "tab-area", "currentIndex": 0, "widgets": []}])
def test_a_layout_whose_tabs_were_all_closed_counts_as_empty(dock):
    layout = jupyter.workspace("03_worker", ["desk/03_worker/testing/workers.py"], "/")
    assert jupyter.has_tabs(layout)
    layout["data"]["layout-restorer:data"]["main"]["dock"] = dock
    assert not jupyter.has_tabs(layout)
    assert not jupyter.has_tabs({"metadata": {"id": "03_worker"}, "data": {}})
