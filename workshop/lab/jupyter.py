"""JupyterLab on this checkout: start it, find it, end it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
from jupyter_core.paths import jupyter_runtime_dir

from workshop import places
from workshop.desk import lessons
from workshop.desk.stages import Stage
from workshop.errors import CourseError
from workshop.lab import proxies, terminal
from workshop.machine import environment, ports
from workshop.machine.patience import Busy, NotYet, by_clock, wait_until
from workshop.machine.process import is_over

FIRST = "00_start"
MANAGEMENT = "server-proxy:management"  # as jupyter-server-proxy calls its tab
NEWS = "@jupyterlab/apputils-extension:announcements"


def servers() -> Iterator[dict]:
    """The Jupyter servers that run with this checkout as their root.

    Each has a file with its facts. `jupyter_server.serverapp.list_running_servers` reads the same
    files, but importing it takes longer than all the rest of `begin`.
    """
    for file in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):  # it may be half written, or gone
            server = json.loads(file.read_text())
            is_ours = Path(server["root_dir"]).resolve() == places.CHECKOUT
            if is_ours and psutil.pid_exists(server["pid"]):
                yield server


def lesson_of(name: str) -> str:
    """The path of a lesson in Lab: the learner's copy, or the course's if Lab cannot see that."""
    copy = lessons.folder() / f"{name}.ipynb"
    if copy.is_relative_to(places.CHECKOUT):
        return str(copy.relative_to(places.CHECKOUT))
    return f"notebooks/{name}.ipynb"


def link(server: dict, name: str = FIRST) -> str:
    """The address that opens a stage's desk, or the first page; its token included.

    On a hub, only the part after the hub's own name.
    """
    if hub := os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):
        return f"{hub}lab/workspaces/{name}"
    return f"{server['url']}lab/workspaces/{name}?token={server['token']}"


def token(server: dict) -> str:
    """The token that lets us in: the server's, or the one that a hub gave it."""
    return server["token"] or os.environ.get("JUPYTERHUB_API_TOKEN", "")


def answers(server: dict) -> bool:
    try:
        return httpx.get(f"{server['url']}api", timeout=by_clock(2), trust_env=False).is_success
    except httpx.HTTPError:
        return False


def disable_news() -> None:
    """Keep JupyterLab from asking, at its first start, whether it may fetch news."""
    config = Path(sys.prefix) / "etc" / "jupyter" / "labconfig" / "page_config.json"
    wanted = json.dumps({"disabledExtensions": {NEWS: True}})
    if not config.exists() or config.read_text() != wanted:
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(wanted)


def launch() -> subprocess.Popen:
    """Start JupyterLab; `until_ready` waits for it."""
    disable_news()
    log = places.broker() / "jupyter.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    settings_of_terminals = {"shell_command": terminal.command(os.environ["PATH"])}
    command = [
        sys.executable,
        *("-m", "jupyterlab"),
        f"--ServerApp.root_dir={places.CHECKOUT}",
        "--ServerApp.ip=127.0.0.1",
        *([f"--ServerApp.port={port}"] if (port := ports.published_ports().get("lab")) else []),
        f"--LabApp.default_url=/lab/tree/{lesson_of(FIRST)}",
        f"--ServerApp.terminado_settings={settings_of_terminals}",
        "--no-browser",  # the desk is laid first
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            cwd=places.CHECKOUT,
            env=environment.lab_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


# --- the desk: lesson, file and terminal side by side -----------------------------------------


def desk_of(stage: Stage | None) -> tuple[str, list[str], Path]:
    """Name, files and folder of a stage's desk, or of the first page's if there is no stage."""
    if stage is None:
        return FIRST, [], places.CHECKOUT
    files = [stage.path / name for name in stage.todo]
    seen = [file for file in files if file.is_relative_to(places.CHECKOUT / "desk")]
    return stage.name, [str(file.relative_to(places.CHECKOUT)) for file in seen], stage.path


def lay_out_desk(server: dict, stage: Stage | None) -> str:
    """Prepare a stage's desk in Lab; return the address that opens it.

    A workspace of this name is left as the learner has it, unless every tab in it is closed.
    """
    lessons.lay_all()
    name, files, folder = desk_of(stage)
    with httpx.Client(
        base_url=server["url"],
        headers={"Authorization": f"token {token(server)}"},
        timeout=by_clock(10),
        trust_env=False,
    ) as client:
        running = {one["name"] for one in client.get("api/terminals").json()}
        if name not in running:
            body = {"name": name, "cwd": str(folder)}
            client.post("api/terminals", json=body).raise_for_status()
        there = client.get("lab/api/workspaces").json()["workspaces"]["values"]
        if not any(one["metadata"]["id"] == name and has_tabs(one) for one in there):
            layout = json.dumps(workspace(name, files, server["base_url"]))
            client.put(f"lab/api/workspaces/{name}", content=layout).raise_for_status()
    return link(server, name)


def desk_at(stage: Stage | None) -> str:
    """`lay_desk` in the running Lab; "" if none is running."""
    server = next(servers(), None)
    try:
        return lay_out_desk(server, stage) if server else ""
    except httpx.HTTPError:  # a hub that lets nobody else in
        return ""


def open_desk(stage: Stage | None) -> str:
    """`desk_at`, opened in a browser where there is a screen."""
    address = desk_at(stage)
    if address and has_display():
        webbrowser.open(address)
    return address


def has_tabs(workspace: dict) -> bool:
    """Whether something is open in the middle of a workspace."""
    layout = workspace["data"].get("layout-restorer:data", {})
    dock = json.dumps(layout.get("main", {}).get("dock"))
    return any(f'"{kind}:' in dock for kind in ("notebook", "editor", "terminal", "server-proxy"))


def workspace(name: str, files: list[str], base: str) -> dict:
    """JupyterLab's own description of a layout: the lesson on the left, files over a terminal.

    Behind the terminal is RabbitMQ's management page; `base` is the path of the server.
    """
    lesson, shell = f"notebook:{lesson_of(name)}", f"terminal:{name}"
    page = f"server-proxy:{MANAGEMENT}"
    editors = [f"editor:{file}" for file in files]

    def tabs(*widgets: str) -> dict:
        return {"type": "tab-area", "currentIndex": 0, "widgets": list(widgets)}

    def split(orientation: str, share: float, *children: dict) -> dict:
        sizes = [share, 1 - share]
        facts = {"type": "split-area", "orientation": orientation}
        return {**facts, "sizes": sizes, "children": list(children)}

    below = tabs(shell, page)
    right = split("vertical", 0.6, tabs(*editors), below) if editors else below
    main = split("horizontal", 0.58, tabs(lesson), right)
    closed = {"collapsed": True, "visible": True, "widgets": []}
    return {
        "data": {
            "layout-restorer:data": {
                "main": {"dock": main, "current": lesson},
                "down": {"size": 0, "widgets": []},
                "left": {**closed, "current": "", "widgets": ["filebrowser"]},
                "right": closed,
                "relativeSizes": [0, 1, 0],
            },
            lesson: {"data": {"path": lesson_of(name), "factory": "Notebook"}},
            shell: {"data": {"name": name}},
            page: {
                "data": {
                    "id": MANAGEMENT,
                    "title": proxies.TITLE,
                    "url": f"{base}management/",
                    "newBrowserTab": False,
                }
            },
            **{
                editor: {"data": {"path": file, "factory": "Editor"}}
                for editor, file in zip(editors, files, strict=True)
            },
        },
        "metadata": {"id": name},
    }


def has_display() -> bool:
    """Whether there is a screen on which a browser could open."""
    if os.environ.get("CI"):
        return False
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def until_ready(process: subprocess.Popen) -> dict:
    """The server of `process`, once it answers. Raises CourseError with its last words."""

    def found() -> dict | None:
        if process.poll() is not None:
            return {"ended": True}
        mine = [server for server in servers() if server["pid"] == process.pid]
        return mine[0] if mine and answers(mine[0]) else None

    log = places.broker() / "jupyter.log"
    try:
        server = wait_until(found, limit=60, what="JupyterLab", pid=process.pid)
    except NotYet:
        server = None
    if not server or "ended" in server:
        words = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        raise CourseError(f"JupyterLab did not start. Its last words:\n{words}", "make lab")
    return server


def end(server: dict) -> None:
    """End a server and its kernels."""
    process = psutil.Process(server["pid"])
    try:
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_over(process), limit=15, what="its end", pid=process.pid)
    except psutil.AccessDenied:
        raise CourseError(
            f"JupyterLab (pid {process.pid}) was started by {process.username()}.", "sudo make stop"
        ) from None
    except (NotYet, Busy):
        process.kill()
