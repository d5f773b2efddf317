"""What a notebook works with: `stage = begin("03")`.

The lesson runs in the learner's project (so that `!celery …` and `import testing` work as
they do in a terminal there), runs commands, looks at queues, and checks.
"""

import contextlib
import html
import os
import shutil
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from IPython import get_ipython
from IPython.display import HTML, clear_output, display

from workshop import places, show, verbs
from workshop.broker import login, routing, spare
from workshop.broker.cluster import Cluster
from workshop.broker.node import Broker
from workshop.broker.redis import Redis, this_process_redis
from workshop.broker.spare import SecondBroker
from workshop.desk import lessons, prepare, stages
from workshop.lab import jupyter
from workshop.lesson.life import Life
from workshop.lesson.measure import Measure
from workshop.lesson.reimport import import_from
from workshop.lesson.watch import Watch
from workshop.machine import cards, environment, patience
from workshop.machine.patience import NotYet, wait_until
from workshop.project.project import Link, Project
from workshop.project.traces import Traced
from workshop.report import Listener, Result

if TYPE_CHECKING:
    from workshop.lesson import pictures

_STARTED_IN = os.getcwd()  # the notebook's folder: this is imported before a stage is begun


def _desk() -> str:
    """The desk as seen from the notebook: from the learner's copy, or from the course's own."""
    return ".." if str(lessons.folder()) == _STARTED_IN else "../desk"


class Lesson(Project):
    """The learner's stage, as a notebook works with it."""

    def __init__(self, stage: stages.Stage, broker: Broker):
        super().__init__(stage, stage.path, broker)
        self._beginnings: dict[str, Project] = {}

    def stop(self) -> None:
        """Stop everything that this stage runs, also in projects as they were at its beginning."""
        super().stop()
        for project in self._beginnings.values():
            project.stop()

    @property
    def _lines(self) -> list[str]:
        return [
            f"{self.stage.number} {self.stage.title}",
            f"your broker: localhost:{self.broker.port}",
        ]

    def __repr__(self) -> str:
        files = [f"your files: {', '.join(self.stage.todo)}"] if self.stage.todo else []
        return "\n".join([*self._lines, *files])

    def _repr_html_(self) -> str:
        # links from the lesson into the desk: JupyterLab opens them in tabs beside this one
        links = ", ".join(
            f'<a href="{_desk()}/{self.stage.name}/{name}">{html.escape(name)}</a>'
            for name in self.stage.todo
        )
        head, *more = map(html.escape, self._lines)
        more += [f"your files: {links}"] if links else []
        shown = "<br>".join([f"<b>{head}</b>", *more])
        # tests compare saved outputs, whether or not a Lab is running
        if not places.solved() and (at := jupyter.desk_at(self.stage)):
            path = urlsplit(at).path  # the browser is logged in already
            shown += f'<br><a href="{path}">lesson, files and terminal side by side</a>'
        return shown

    # --- the exercise: the verbs of the terminal, with the same words ------------------------

    def check(self, todo: str = "", watch: bool = False) -> show.Answer | None:
        """Look at your work as it runs: what is right, and what is not.

        With the letter of a TODO, look at that only; with `watch=True`, again after each save of a
        file, until the cell is interrupted.
        """
        if not watch:
            with _Lines() as lines:
                return verbs.check(self.stage, todo, listener=lines)
        shown = display("looking …", display_id=True)
        with contextlib.suppress(KeyboardInterrupt):
            for check in verbs.watch(self.stage, todo):
                shown.update(check(None))
        return None

    def hint(self) -> show.Answer:
        """The next hint for the first item that is not right; call it again for the one after."""
        return verbs.hint(self.stage)

    def diff(self, file: str = "") -> show.Answer:
        """Your file against the solution's: the first that differs, or the one you name."""
        return verbs.diff(self.stage, file)

    def why(self, error: str | BaseException | None = None) -> show.Answer:
        """What an error most likely means; without one, the last that a cell showed."""
        return verbs.why(error)

    def reset(self) -> show.Answer:
        """Go back to the start of the stage; your files are backed up."""
        return verbs.reset(self.stage)

    def solve(self) -> show.Answer:
        """Install the solution; your files are backed up."""
        return verbs.solve(self.stage)

    def kept(self, what: str | int = "") -> show.Answer:
        """List your backups; with the number or name of one, restore it."""
        return verbs.kept(str(what))

    def status(self) -> show.Answer:
        """Every stage with its state."""
        return verbs.status()

    def next(self) -> show.Answer:
        """Begin the stage to go on with, and open it."""
        return verbs.next_()

    def second_broker(self) -> SecondBroker:
        """Another broker, which you may kill; it is empty, and ends with this notebook."""
        second = spare.this_process_broker()
        second.start()
        second.empty()
        return second

    def redis(self, persistent: bool = False) -> Redis:
        """A private Redis, running and empty; with `persistent`, its data survives a kill."""
        server = this_process_redis()
        if server.persistent != persistent:
            server.stop()
        server.start(persistent)
        server.empty()
        return server

    def cluster(self) -> Cluster:
        """Three brokers that are one, with your rabbitmq.conf; you may kill them.

        They end with this notebook, or when this is called again.
        """
        global _cluster
        if _cluster:
            _cluster.end()
        _cluster = Cluster((self.path / "rabbitmq.conf").read_text())
        _cluster.start()
        return _cluster

    def on_cluster(self, cluster: Cluster) -> Project:
        """This project on a cluster: workers behind its balancer, senders with all addresses."""
        other = Project(self.stage, self.path, cluster.nodes[0], cluster.environment)
        other._running = self._running  # the next begin() ends them all
        return other

    def _copies(self, name: str) -> Path:
        """Where a copy of this name is: of this stage's alone, as others use the same names."""
        return places.desk() / ".broken" / ".".join(filter(None, (self.stage.name, name)))

    def copy(self, name: str = "") -> Project:
        """A copy of the project, to break: your own files stay as they are."""
        path = self._copies(name)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)
        shutil.copytree(self.path, path, ignore=shutil.ignore_patterns("__pycache__"))
        copy = Project(self.stage, path, self.broker)
        copy._running = self._running  # the next begin() ends them all
        return copy

    def beginning(self, name: str, take: tuple[str, ...] = ()) -> Project:
        """The project as the stage was laid out, to compare with; `take` lists files of yours.

        What an earlier one of this name still runs is stopped.
        """
        if before := self._beginnings.pop(name, None):
            before.stop()
        path = self._copies(name)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)
        stages.lay(self.stage, path, solved=False, port=self.broker.port)
        for file in take:
            shutil.copy(self.path / file, path / file)
        self._beginnings[name] = Project(self.stage, path, self.broker)
        return self._beginnings[name]

    # --- the broker -------------------------------------------------------------------------

    def management(self) -> Link:
        """RabbitMQ's own page about your broker; log in as guest, with the password guest."""
        hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
        at = f"{hub}management" if hub else self.broker.management_url
        return Link(f"{at}/#/queues")

    def flower(self) -> Link:
        """Flower's page, while Flower runs; log in as learner, with the password sesame."""
        through_jupyter = any(jupyter.servers())  # in a container and on a hub, it is the only way
        host = "" if through_jupyter else f"http://127.0.0.1:{os.environ['MONITOR_PORT']}"
        return Link(f"{host}{os.environ['MONITOR_PATH']}/")

    def queue(self, name: str = "celery", vhost: str = login.VHOST) -> dict[str, int]:
        """Messages in a queue now: ready (nobody has them), unacked (a worker holds them)."""
        found = self.broker.queues(vhost).get(name, {"ready": 0, "unacked": 0})
        return {"ready": found["ready"], "unacked": found["unacked"]}

    def until(
        self, name: str = "celery", vhost: str = login.VHOST, limit: float = 20, **wanted: int
    ) -> dict[str, int]:
        """Wait until the queue has these numbers, e.g. until(ready=1); return what it has then.

        After `limit` seconds it gives up, and returns what there is.
        """

        def is_there() -> bool:
            found = self.queue(name, vhost)
            return all(found[key] == value for key, value in wanted.items())

        with contextlib.suppress(NotYet):
            wait_until(is_there, limit=limit, what=str(wanted))
        return self.queue(name, vhost)

    def purge(self, name: str = "celery", vhost: str = login.VHOST) -> None:
        """Empty a queue, so that the counts of an example start at zero."""
        if name in self.broker.queues(vhost):
            self.broker.ctl("purge_queue", "-p", vhost, name)

    def watch(self, name: str = "celery", vhost: str = login.VHOST) -> Watch:
        """Record a queue's depth while a `with` block runs."""
        return Watch(self, name, vhost)

    def measure(self) -> Measure:
        """Record the numbers at /metrics while a `with` block runs, as a chart that grows."""
        return Measure(self, live=not _is_compared())

    def trace(self, spans: Sequence[Traced], alt: str) -> "pictures.Picture":
        """What one request led to, as a chart of its spans."""
        from workshop.lesson import pictures  # imports matplotlib, which is slow

        return pictures.trace(spans, alt)

    def bindings(self, *queues: str) -> "pictures.Picture":
        """Print the bindings of these queues, one on each line, and draw them."""
        from workshop.lesson import pictures  # imports matplotlib, which is slow

        rows = routing.bindings(self.broker, queues)
        print(*rows, sep="\n")
        alt = "the bindings listed above: exchanges and queues, with an arrow for each of the keys"
        return pictures.bindings(rows, alt)

    def events(self) -> Life:
        """Record what senders and workers report about tasks while a `with` block runs."""
        return Life(login.url(self.broker))


def _is_compared() -> bool:
    """Whether a cell's output is compared with the saved one: then only the answer is shown."""
    return places.solved() or "PYTEST_VERSION" in os.environ


class _Wait:
    """What the course waits for now, in a line that goes away: no cell is silent for long."""

    def __init__(self):
        self._line = None
        self._words, self._cell = "", -1
        self.is_on = True

    def __call__(self, what: str, seconds: float) -> None:
        shell = get_ipython()
        if not (self.is_on and shell) or threading.current_thread() != threading.main_thread():
            return
        words = textwrap.shorten(f"{seconds:.0f} s · waiting for {what}", 90) if what else ""
        line = HTML(f'<span style="color: {show.GREY}">{html.escape(words)}</span>')
        if self._line is None or self._cell != shell.execution_count:
            self._line, self._cell = display(line, display_id=True), shell.execution_count
        elif words != self._words:
            self._line.update(line)
        self._words = words


class _Lines(Listener):
    """The items of a check as they become known, until the whole answer takes their place."""

    def __init__(self):
        self._found: list[Result] = []
        self._shown = None

    def __enter__(self) -> "_Lines":
        if not _is_compared():
            self._shown = display(show.so_far([], {}, "…"), display_id=True)
        if isinstance(patience.report_wait, _Wait):
            patience.report_wait.is_on = False
        return self

    def will_look_at(self, titles: dict[str, str]) -> None:
        self._titles = titles

    def begins(self, title: str) -> None:
        if self._shown:
            self._shown.update(show.so_far(self._found, self._titles, title))

    def found(self, result: Result) -> None:
        self._found.append(result)

    def __exit__(self, *_) -> None:
        if isinstance(patience.report_wait, _Wait):
            patience.report_wait.is_on = True
        if self._shown:
            clear_output(wait=True)


_current: Lesson | None = None
_cluster: Cluster | None = None


def begin(number: str | int, fault: int | None = None) -> Lesson:
    """Begin a stage, or go on with it: broker up, files laid out, this notebook in its folder.

    `fault` is for the stage in which you look for one: its number; by default, one by chance.
    Your files are left alone. Commands that other stages still run are ended first, so that one
    stage at a time takes messages from the queue.
    """
    global _current
    if not _is_compared():
        patience.report_wait = _Wait()
    stage = stages.find(number)
    if _current:
        _current.stop()
    cards.end_all()
    new = verbs.lay_out(stage)
    broker = Broker()
    prepare.set_ports(broker)
    os.chdir(stage.path)
    environment.enter()
    import_from(stage.path)
    _current = _lesson(stage, broker, fault, new)
    if not stage.is_sick:
        _warn_of_old_port(_current)
    if lessons.is_old(stage.name) and str(lessons.folder()) == _STARTED_IN:
        print(f"· this lesson has a newer text: workshop lesson {stage.number}")
    return _current


def _lesson(stage: stages.Stage, broker: Broker, fault: int | None, new: bool) -> Lesson:
    if not stage.is_sick:
        return Lesson(stage, broker)
    from workshop.lesson.sick import SickLesson

    sick = SickLesson(stage, broker)
    sick.lay_out(fault, new)
    return sick


def _warn_of_old_port(lesson: Lesson) -> None:
    """Warn if files laid out while the broker had another port still contain that one."""
    for name, file in stages.files_in(lesson.path).items():
        with contextlib.suppress(OSError, UnicodeDecodeError):
            for line in file.read_text().splitlines():
                if "amqp://" in line and "@localhost:" in line:
                    port = line.split("@localhost:")[1].split("/")[0]
                    if port != str(lesson.broker.port):
                        print(f"· {name} names port {port}; your broker has {lesson.broker.port}")
