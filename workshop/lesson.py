"""What a notebook has in hand: `stage = begin("03")`.

The lesson stands in the learner's project (so that `!celery …` and `import testing` work as
they do in a terminal there), runs commands, looks at queues, and checks.
"""

import contextlib
import html
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from IPython.display import clear_output, display

from workshop import (
    environment,
    pictures,
    places,
    ports,
    process,
    report,
    setting,
    stages,
    verbs,
    warm,
)
from workshop.broker import Broker
from workshop.browser import browser
from workshop.errors import CourseError
from workshop.patience import NotYet, by_clock, wait_until
from workshop.process import Running
from workshop.results import Listener, Result
from workshop.second import SecondBroker

SAMPLE_SECONDS = 0.05


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
        vhost: str = setting.VHOST,
    ):
        self.stage = stage
        self.path = path
        self.broker = broker
        self.env = env or {}  # laid over `environment.clean()`, for what the project runs
        self.vhost = vhost
        self._running: dict[str, Running] = {}
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

    def stop(self) -> None:
        """Stop everything that this project runs."""
        while self._running:
            self._running.popitem()[1].stop()

    def write(self, name: str, text: str) -> None:
        """Write a file of this project."""
        (self.path / name).write_text(text.lstrip("\n"))

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
        """This project with a vhost on the second broker and a database, both of this name."""
        env = second.room(name, self.path)
        other = Project(self.stage, self.path, second, env, name)
        other._running = self._running  # one begin ends them all
        return other

    def rows(self, query: str) -> list[tuple]:
        """What a query finds in the database of a project that is `on` the second broker."""
        file = self.env["DATABASE_URL"].removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(file, timeout=by_clock(20))) as database:
            return database.execute(query).fetchall()

    def shell(self, code: str) -> None:
        """Run Python in the project, as `python manage.py shell` does; what it prints is shown."""
        done = subprocess.run(
            [*warm.python(), "manage.py", "shell", "--verbosity", "0", "-c", code],
            cwd=self.path,
            env=environment.clean(**self.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if said := done.stdout.strip():
            print(said)

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
    if " beat" in command:  # it has read the tables, and says so where it may say all
        return process.says("Synchronizing schedule" if "debug" in command else "beat: Starting")
    return process.says(r" ready\.")


class Lesson(Project):
    """The learner's stage, as a notebook has it in hand."""

    def __init__(self, stage: stages.Stage, broker: Broker):
        super().__init__(stage, stage.path, broker)

    @property
    def _lines(self) -> list[str]:
        return [
            f"{self.stage.number} {self.stage.title}",
            f"your broker: localhost:{self.broker.port}",
        ]

    def __repr__(self) -> str:
        files = ", ".join(self.stage.todo)
        return "\n".join([*self._lines, f"your files: {files}"])

    def _repr_html_(self) -> str:
        # links from notebooks/ into the desk: JupyterLab opens them in tabs beside this one
        links = ", ".join(
            f'<a href="../desk/{self.stage.name}/{name}">{html.escape(name)}</a>'
            for name in self.stage.todo
        )
        head, broker = map(html.escape, self._lines)
        return f"<b>{head}</b><br>{broker}<br>your files: {links}"

    # --- the exercise: the verbs of the terminal, with the same words ------------------------

    def check(self, watch: bool = False) -> report.Answer | None:
        """Look at your work as it runs: what is right, and what is not.

        With `watch=True` again after each save of a file, until the cell is interrupted.
        """
        if not watch:
            with _Lines() as lines:
                return verbs.check(self.stage, listener=lines)
        shown = display("looking …", display_id=True)
        with contextlib.suppress(KeyboardInterrupt):
            for check in verbs.watch(self.stage):
                shown.update(check(None))
        return None

    def hint(self) -> report.Answer:
        """The next hint for the first item that is not right; again, and it goes on."""
        return verbs.hint(self.stage)

    def diff(self, file: str = "") -> report.Answer:
        """Your file against the solution's: the first that differs, or the one you name."""
        return verbs.diff(self.stage, file)

    def reset(self) -> report.Answer:
        """Lay the start of the stage out again; your files are set aside, and named."""
        return verbs.reset(self.stage)

    def solve(self) -> report.Answer:
        """Lay the solution out; your files are set aside, and named."""
        return verbs.solve(self.stage)

    def kept(self, what: str | int = "") -> report.Answer:
        """What was set aside; with its number or name in that list, bring it back."""
        return verbs.kept(str(what))

    def status(self) -> report.Answer:
        """Every stage with its state."""
        return verbs.status()

    def next(self) -> report.Answer:
        """Begin the stage to go on with, and open it."""
        return verbs.next_()

    def second_broker(self) -> SecondBroker:
        """Another broker, to be killed; it is empty, and ends with this notebook."""
        second = SecondBroker()
        second.start()
        second.empty()
        return second

    def copy(self, name: str = "") -> Project:
        """A copy of the project, to break: your own files stay as they are."""
        path = places.desk() / ".broken" / (name or self.stage.name)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)
        shutil.copytree(self.path, path, ignore=shutil.ignore_patterns("__pycache__"))
        copy = Project(self.stage, path, self.broker)
        copy._running = self._running  # one begin ends them all
        return copy

    def beginning(self, name: str, take: tuple[str, ...] = ()) -> Project:
        """The project as the stage was laid out, to compare with; `take` names files of yours."""
        path = places.desk() / ".broken" / name
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)
        stages.lay(self.stage, path, solved=False, port=self.broker.port)
        for file in take:
            shutil.copy(self.path / file, path / file)
        return Project(self.stage, path, self.broker)

    # --- the broker -------------------------------------------------------------------------

    def queue(self, name: str = "celery", vhost: str = setting.VHOST) -> dict[str, int]:
        """Messages in a queue now: ready (nobody has them), unacked (a worker holds them)."""
        found = self.broker.queues(vhost).get(name, {"ready": 0, "unacked": 0})
        return {"ready": found["ready"], "unacked": found["unacked"]}

    def until(
        self, name: str = "celery", vhost: str = setting.VHOST, limit: float = 20, **wanted: int
    ) -> dict[str, int]:
        """Wait until the queue has these numbers, e.g. until(ready=1); what it has then.

        After `limit` seconds it gives up, and returns what there is.
        """

        def is_there() -> bool:
            found = self.queue(name, vhost)
            return all(found[key] == value for key, value in wanted.items())

        with contextlib.suppress(NotYet):
            wait_until(is_there, limit=limit, what=str(wanted))
        return self.queue(name, vhost)

    def purge(self, name: str = "celery", vhost: str = setting.VHOST) -> None:
        """Empty a queue of this course's own, so that an example counts from nought."""
        if name in self.broker.queues(vhost):
            self.broker.ctl("purge_queue", "-p", vhost, name)

    def watch(self, name: str = "celery", vhost: str = setting.VHOST) -> "Watch":
        """Record a queue's depth while a `with` block runs."""
        return Watch(self, name, vhost)


class Watch:
    """The depth of a queue, sampled until its block ends."""

    def __init__(self, lesson: Lesson, name: str, vhost: str):
        self.lesson, self.name, self.vhost = lesson, name, vhost
        self.samples: list[tuple[float, int, int]] = []
        self.marks: list[tuple[float, str]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._over.is_set():
            self._take()
            self._over.wait(SAMPLE_SECONDS)

    def _take(self) -> None:
        with contextlib.suppress(Exception):  # the broker may be down: that is no sample
            found = self.lesson.queue(self.name, self.vhost)
            self.samples.append((time.monotonic() - self._begun, found["ready"], found["unacked"]))

    def mark(self, words: str) -> None:
        """Note what happens now, for the figure, and the depth at this moment."""
        self._take()
        self.marks.append((time.monotonic() - self._begun, words))

    def __enter__(self) -> "Watch":
        self._begun = time.monotonic()
        self._take()
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()
        self._take()

    def picture(self, alt: str) -> pictures.Picture:
        return pictures.depth(self.samples, alt, self.marks)


class _Lines(Listener):
    """The items of a check as they become known, until the whole answer takes their place."""

    def __init__(self):
        self._found: list[Result] = []
        self._shown = None

    def __enter__(self) -> "_Lines":
        # saved outputs are compared: there the answer alone is shown
        if not places.solved() and "PYTEST_VERSION" not in os.environ:
            self._shown = display(report.so_far([], {}, "…"), display_id=True)
        return self

    def will_look_at(self, titles: dict[str, str]) -> None:
        self._titles = titles

    def begins(self, title: str) -> None:
        if self._shown:
            self._shown.update(report.so_far(self._found, self._titles, title))

    def found(self, result: Result) -> None:
        self._found.append(result)

    def __exit__(self, *_) -> None:
        if self._shown:
            clear_output(wait=True)


_current: Lesson | None = None


def begin(number: str | int) -> Lesson:
    """Begin a stage, or go on with it: broker up, files laid out, this notebook in its folder.

    What you wrote is left alone. What other stages still run is ended first: one stage at
    a time takes messages from the queue.
    """
    global _current
    stage = stages.find(number)
    if _current:
        _current.stop()
    end_others()
    verbs.lay_out(stage)
    broker = Broker()
    setting.keep_web_port(broker)
    os.chdir(stage.path)
    environment.enter()
    _import_from(stage.path)
    _current = Lesson(stage, broker)
    _warn_of_old_port(_current)
    return _current


def end_others() -> None:
    """End what other notebooks of this checkout left running, warm, and wait for it."""
    found = list(process.running())
    for one in found:
        one.end()
    for one in found:
        with contextlib.suppress(Exception):
            one.wait()


def _warn_of_old_port(lesson: Lesson) -> None:
    """Files laid out while the broker had another port name that one still."""
    for name, file in stages.files_in(lesson.path).items():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            for line in file.read_text().splitlines():
                if "amqp://" in line and "@localhost:" in line:
                    port = line.split("@localhost:")[1].split("/")[0]
                    if port != str(lesson.broker.port):
                        print(f"· {name} names port {port}; your broker has {lesson.broker.port}")


# --- import the project's modules as they are now -----------------------------------------


def _import_from(project: Path) -> None:
    """Let this process import the project, and see each saved change at its next import."""
    for old in [part for part in sys.path if Path(part).is_relative_to(places.desk())]:
        sys.path.remove(old)
    sys.path.insert(0, str(project))
    _forget()
    with contextlib.suppress(NameError, AttributeError):
        events = get_ipython().events  # noqa: F821 — IPython's own name in a notebook
        with contextlib.suppress(ValueError):
            events.unregister("pre_run_cell", _forget_if_changed)
        events.register("pre_run_cell", _forget_if_changed)


def _project_modules() -> dict[str, Path]:
    desk = places.desk()
    return {
        name: Path(module.__file__)
        for name, module in list(sys.modules.items())
        if getattr(module, "__file__", None) and Path(module.__file__).is_relative_to(desk)
    }


_seen: dict[str, float] = {}


def _forget(*_) -> None:
    for name in _project_modules():
        del sys.modules[name]
    _seen.clear()


def _forget_if_changed(*_) -> None:
    for name, file in _project_modules().items():
        with contextlib.suppress(OSError):
            saved = file.stat().st_mtime
            if _seen.setdefault(name, saved) != saved:
                _forget()
                return
