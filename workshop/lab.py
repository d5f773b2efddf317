"""JupyterLab on this checkout: start it, find it, end it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
from jupyter_server.serverapp import list_running_servers

from workshop import places
from workshop.errors import CourseError
from workshop.waiting import NotYet, wait_until

FIRST_PAGE = "/lab/tree/notebooks/00_start.ipynb"
NEWS = "@jupyterlab/apputils-extension:announcements"


def servers() -> Iterator[dict]:
    """The Jupyter servers that run with this checkout as their root."""
    for server in list_running_servers():
        if Path(server["root_dir"]).resolve() == places.CHECKOUT and psutil.pid_exists(
            server["pid"]
        ):
            yield server


def link(server: dict) -> str:
    """The address that opens the course, its token included."""
    return f"{server['url'].rstrip('/')}{FIRST_PAGE}?token={server['token']}"


def answers(server: dict) -> bool:
    try:
        return httpx.get(f"{server['url']}api", timeout=2).is_success
    except httpx.HTTPError:
        return False


def no_news() -> None:
    """Keep JupyterLab from asking, at its first start, whether it may fetch news."""
    config = Path(sys.prefix) / "etc" / "jupyter" / "labconfig" / "page_config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"disabledExtensions": {NEWS: True}}))


def launch() -> subprocess.Popen:
    """Start JupyterLab; `until_ready` waits for it."""
    no_news()
    log = places.home() / ".rabbitmq" / "jupyter.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        *("-m", "jupyterlab"),
        f"--ServerApp.root_dir={places.CHECKOUT}",
        "--ServerApp.ip=127.0.0.1",
        f"--LabApp.default_url={FIRST_PAGE}",
        *([] if has_display() else ["--no-browser"]),
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            cwd=places.CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def has_display() -> bool:
    """Whether there is a screen on which a browser could open."""
    if os.environ.get("CI"):
        return False
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def until_ready(process: subprocess.Popen) -> dict:
    """The server that `process` is, once it answers. Raises CourseError with its last words."""

    def found() -> dict | None:
        if process.poll() is not None:
            return {"ended": True}
        mine = [server for server in servers() if server["pid"] == process.pid]
        return mine[0] if mine and answers(mine[0]) else None

    log = places.home() / ".rabbitmq" / "jupyter.log"
    try:
        server = wait_until(found, limit=60, what="JupyterLab")
    except NotYet:
        server = {"ended": True}
    if "ended" in server:
        words = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        raise CourseError(f"JupyterLab did not start. Its last words:\n{words}", "make lab")
    return server


def end(server: dict) -> None:
    """End a server and its kernels."""
    process = psutil.Process(server["pid"])
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except psutil.TimeoutExpired:
        process.kill()
