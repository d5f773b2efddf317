"""A Django project in a folder, and what runs there."""

import contextlib
import hashlib
import html
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from workshop.broker import login
from workshop.broker.node import Broker
from workshop.broker.redis import Redis
from workshop.broker.spare import SecondBroker
from workshop.desk import stages
from workshop.errors import CourseError
from workshop.machine import ports, process
from workshop.machine.balancer import Balancer
from workshop.machine.patience import by_clock
from workshop.machine.process import Running
from workshop.project.browser import browser
from workshop.project.manage import manage, migrate


class Link(str):
    """An address that a notebook shows as a link."""

    def _repr_html_(self) -> str:
        return f'<a href="{html.escape(self)}" target="_blank">{html.escape(self)}</a>'


class Project:
    """A folder with a Django project in it, and what runs there."""

    def __init__(
        self,
        stage: stages.Stage,
        path: Path,
        broker: Broker,
        env: dict[str, str] | None = None,
        vhost: str = login.VHOST,
    ):
        self.stage = stage
        self.path = path
        self.broker = broker
        self.env = env or {}  # laid over `environment.clean()`, for what the project runs
        self.vhost = vhost
        self._running: dict[str, Running | Balancer] = {}
        self._browser: httpx.Client | None = None

    def run(
        self,
        command: str,
        ready: Callable[[Running], bool] | None = None,
        folder: str = ".",
        limit: float = 30,
    ) -> Running:
        """Start a command line as you would type it; return when it is ready.

        The same line run again replaces the first. `folder` is where it is typed, relative
        to the project. Raises CourseError with the last lines of its log if it fails.
        """
        line = f"{self.vhost} {command}"
        if line in self._running:
            self._running.pop(line).stop()
        running = process.run(
            command,
            cwd=self.path / folder,
            ready=ready or _ready_for(command),
            env=self.env,
            name=self.stage.name,
            limit=limit,
        )
        self._running[line] = running
        return running

    def balancer(self) -> Balancer:
        """A port for the project's broker; it is closed with the rest of what the project runs."""
        balancer = Balancer([self.broker.port])
        self._running[f"balancer {balancer.port}"] = balancer
        return balancer

    def end(self, command: str) -> None:
        """Stop one command, if this project runs it."""
        if running := self._running.pop(f"{self.vhost} {command}", None):
            running.stop()

    def stop(self) -> None:
        """Stop everything that this project runs."""
        while self._running:
            self._running.popitem()[1].stop()

    def write(self, name: str, text: str) -> None:
        """Write a file of this project."""
        (self.path / name).write_text(text.lstrip("\n"))

    def append(self, name: str, text: str) -> None:
        """Add lines to a file of this project; in a settings file, the last value counts."""
        with (self.path / name).open("a") as file:
            file.write(text.lstrip("\n"))

    def url(self, path: str = "/") -> str:
        """The address of the project's web server on this machine."""
        return f"http://127.0.0.1:{os.environ['PORT']}{path}"

    def get(self, path: str, accept: str = "*/*") -> httpx.Response:
        """GET a path of the project's web server; the answer's time is its `.elapsed`."""
        return self.ask("GET", path, headers={"accept": accept})

    def ask(self, method: str, path: str, **words) -> httpx.Response:
        """Any request, e.g. ask("POST", "/api/sums/", json={"x": 3, "y": 4})."""
        base = self.url("")
        if self._browser is None or str(self._browser.base_url).rstrip("/") != base:
            self._browser = browser(base)
        try:
            return self._browser.request(method, path, **words)
        except httpx.ConnectError:
            raise CourseError(
                f"nothing answers at {base}: the web server does not run.",
                'web = stage.run("python manage.py runserver $PORT")',
            ) from None

    def on(self, second: SecondBroker, name: str) -> "Project":
        """This project with a vhost on the second broker and a database, both of this name.

        The vhost has no policies; `second.set_policies` sets them.
        """
        second.make_vhost(name, login.USER)
        database = self._tables(second.folder, name.strip("/"))
        env = {"BROKER_URL": login.url(second, name), "DATABASE_URL": f"sqlite:///{database}"}
        second.flush_to_disk()
        other = Project(self.stage, self.path, second, env, name)
        other._running = self._running  # the next begin() ends them all
        return other

    def on_redis(self, server: Redis, name: str) -> "Project":
        """This project with a running private Redis as its broker and a new database, `name`."""
        database = self._tables(server.folder, name)
        env = {
            "BROKER_URL": server.url(),
            "BROKER_URLS": server.url(),
            "DATABASE_URL": f"sqlite:///{database}",
        }
        other = Project(self.stage, self.path, self.broker, env)
        other._running = self._running  # the next begin() ends them all
        return other

    def _tables(self, folder: Path, name: str) -> Path:
        """Make a new database in a folder; `migrate` runs once for each state of the migrations."""
        state = hashlib.sha1(usedforsecurity=False)
        for file in sorted(self.path.glob("*/migrations/*.py")):
            state.update(file.read_bytes())
        empty = folder / f"tables-{state.hexdigest()[:8]}.sqlite3"
        database = folder / f"{name}.sqlite3"
        if not empty.exists():
            migrate(self.path, {"DATABASE_URL": f"sqlite:///{empty}"})
        for old in folder.glob(f"{database.name}*"):
            old.unlink()
        shutil.copy(empty, database)
        return database

    def rows(self, query: str, values: dict[str, Any] | None = None) -> list[tuple]:
        """Run SQL in the database of a project that is `on` the second broker; return the rows."""
        file = self.env["DATABASE_URL"].removeprefix("sqlite:///")
        opened = contextlib.closing(sqlite3.connect(file, timeout=by_clock(20)))
        with opened as database, database:  # the second `database` commits what is written
            return database.execute(query, values or {}).fetchall()

    def migrate(self) -> None:
        """Make the project's tables, as `python manage.py migrate` does. Raises CourseError."""
        migrate(self.path, self.env)

    def shell(self, code: str, only: str = "") -> None:
        """Run Python in the project, as `python manage.py shell` does, and show what it prints.

        Errors are shown, too; `only` limits the output to lines that match this regular expression,
        unless none does and the code failed: then the error's last line is shown.
        """
        done = manage(self.path, self.env, "shell", "--verbosity", "0", "-c", code)
        lines = done.stdout.strip().splitlines()
        shown = [line for line in lines if re.search(only, line)]
        for line in shown or (lines[-1:] if done.returncode else []):
            print(line)

    def link(self, path: str) -> Link:
        """A path of the project's web server, to click on."""
        return Link(ports.address(int(os.environ["PORT"]), path))


def _ready_for(command: str) -> Callable[[Running], bool]:
    """What `ready` means for the commands of the guide."""
    if "honcho" in command:
        web = process.listens(int(os.environ["PORT"]))
        worker = process.says(r" ready\.")
        return lambda running: web(running) and worker(running)
    if "runserver" in command:
        return process.listens(int(os.environ["PORT"]))
    if " flower" in command:
        listening = process.listens(int(os.environ["MONITOR_PORT"]))
        connected = process.says("Connected to amqp")
        return lambda running: listening(running) and connected(running)
    if " beat" in command:  # it has read the tables, and logs that at level debug
        return process.says("Synchronizing schedule" if "debug" in command else "beat: Starting")
    return process.says(r" ready\.")
