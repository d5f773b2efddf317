"""The running system, as a check sees it.

A check starts its own worker and its own web server on the learner's project, and gives
them a queue of their own (site/sitecustomize.py): no message of the learner's is taken,
and no worker of the learner's takes the check's.
"""

import contextlib
import os
import re
import shlex
import tempfile
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
from kombu import Queue

from workshop.broker import login
from workshop.broker.node import Broker, dead_checks_cleared
from workshop.checks.content import common
from workshop.checks.saved import expect_saved_right
from workshop.checks.web import Web
from workshop.desk import prepare, stages
from workshop.errors import CourseError
from workshop.machine import environment, process
from workshop.machine.patience import Busy, NotYet, wait_until
from workshop.machine.ports import free_port
from workshop.machine.process import Running
from workshop.machine.warm import Warm, WarmRunning
from workshop.project import probe

SITE = Path(__file__).with_name("site")
# seconds of the machine's patience: a worker or a web server of a stage is ready after one
READY = 20
MESSAGE = 3  # a message that was published is in its queue at once
GRACE = 0.2  # what a check starts has nothing left to lose


class Look:
    """One look at one stage; a context manager that ends what it started."""

    def __init__(self, stage: stages.Stage, broker: Broker | None = None, warm: Warm | None = None):
        self.stage = stage
        self.broker = broker or Broker()
        self._stack = contextlib.ExitStack()
        self.warm = warm or self._stack.enter_context(Warm())
        self.queue = f"check-{uuid.uuid4().hex[:8]}"
        self.vhost = login.VHOST
        self._once: dict[str, Future] = {}
        #: set where the machine was too busy to tell what is right
        self.busy: Busy | None = None

    def __enter__(self) -> "Look":
        self.broker.start()
        self.enter(dead_checks_cleared(self.broker))
        prepare.enter(self.broker)
        if not self.stage.path.exists():
            stages.begin(self.stage, port=self.broker.port)
        prepare.replay(self.stage, self.broker)
        if self.stage.apart:
            self._go_apart()
        else:
            self._stack.callback(self._drop_queue)
        return self

    def __exit__(self, *_) -> None:
        for one in self._once.values():
            one.exception()  # what is made ahead is ended, too
        self._stack.close()

    @property
    def path(self) -> Path:
        return self.stage.path

    @property
    def database(self) -> Path:
        """A database of the check's own, from stage 07 on; the learner's stays as it is."""
        return self.folder / "check.sqlite3"

    @property
    def folder(self) -> Path:
        """A folder for what the check writes."""
        return Path(self.once("folder", lambda: self.enter(tempfile.TemporaryDirectory())))

    def enter(self, context: contextlib.AbstractContextManager) -> Any:
        """What a context manager gives; it is left when the look is over."""
        return self._stack.enter_context(context)

    def migrate(self) -> None:
        """Make the project's tables in the check's database."""
        self.once("migrate", lambda: self.ask("migrate"))

    def is_untouched(self, file: str) -> bool:
        """Whether the learner has not yet saved anything of their own in this file."""
        return stages.untouched(self.stage, file, self.broker.port)

    def _go_apart(self) -> None:
        """A vhost of the check's own, where the project names its queues itself."""
        self.vhost = self.queue
        self.broker.make_vhost(self.vhost, login.USER)
        self._stack.callback(self.broker.remove, "vhosts", self.vhost)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """The same answer, or the same failure, for every item that asks for it."""
        return self._future(name, make, lambda work: work()).result()

    def ahead(self, name: str, make: Callable[[], Any]) -> None:
        """Begin to make in the background what `once` will be asked for under this name."""
        self._future(name, make, lambda work: Thread(target=work, daemon=True).start())

    def _future(self, name: str, make: Callable[[], Any], how: Callable) -> Future:
        if name not in self._once:
            future = self._once[name] = Future()

            def work() -> None:
                try:
                    future.set_result(make())
                except BaseException as error:  # an interrupt, too, is for whoever asked
                    future.set_exception(error)

            how(work)
        return self._once[name]

    def has(self, name: str) -> bool:
        """Whether `once` has made this, and it went well."""
        return name in self._once and self._once[name].exception() is None

    # --- the learner's code ---------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process of the project use the check's own queue."""
        found = {
            "WORKSHOP_QUEUE": self.queue,
            "PYTHONPATH": os.pathsep.join([str(SITE), *environment.checkout_on_path().values()]),
            "DATABASE_URL": f"sqlite:///{self.database}",
            "PATH": f"{self.warm.bin}{os.pathsep}{os.environ['PATH']}",
        }
        if self.vhost != login.VHOST:
            found["BROKER_URL"] = login.url(self.broker, self.vhost)
        return found

    def ask(self, fact: str, **words) -> Any:
        """A function of facts.py, run on the project in a process of its own."""
        return probe.value(self.ask_all({fact: words})[fact])

    def ask_all(self, asked: dict[str, dict]) -> dict[str, dict]:
        """Several of them in one process, for `probe.value`."""
        found = probe.ask_all(
            {f"workshop.checks.facts:{fact}": words for fact, words in asked.items()},
            cwd=self.path,
            env=self.environment,
            warm=self.warm,
        )
        return {name.split(":")[1]: answer for name, answer in found.items()}

    def needs_file(self, name: str) -> None:
        """Raise Wrong if `name` is missing, with the files that are there instead; or if an
        editor saved it in a way in which it cannot be read."""
        file = self.path / name
        if not file.is_file():
            there = ", ".join(sorted(f.name for f in file.parent.glob("*") if f.is_file()))
            raise common.wrong("no_file", name=name, there=there or "nothing")
        expect_saved_right(name, file.read_bytes())

    def read(self, name: str) -> str:
        """The text of a file of the learner's, less its comments' lines."""
        lines = (self.path / name).read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if not line.lstrip().startswith("#"))

    # --- processes --------------------------------------------------------------------------

    def start(self, command: str, ready, name: str, **env: str) -> Running:
        """A command on the project, ended when the look is over.

        `celery …` and `python manage.py …` run in a warm Python, anything else as it is typed.
        """
        try:
            return self._start(command, ready, name, {**self.environment, **env})
        except CourseError:
            self.ask("libraries")  # a file that hides one of them is the cause: Trouble
            raise

    def _start(self, command: str, ready, name: str, env: dict[str, str]) -> Running:
        words = shlex.split(command)
        if words[0] not in ("celery", "python"):
            self.warm.wait()  # a command of the line may be the warm celery
            # what such a line starts ends after it: a worker that lives on keeps its queues
            limits = {"limit": READY, "grace": process.GRACE}
            return self.enter(
                process.run(
                    command, cwd=self.path, ready=ready, env=env, name=f"check-{name}", **limits
                )
            )
        if words[0] == "python":
            words = words[1:]
        log = Path(self.folder) / f"{name}-{uuid.uuid4().hex[:8]}.log"
        with log.open("wb") as out:
            job = self.warm.start(words, cwd=self.path, env=environment.clean(**env), out=out)
        running = self.enter(WarmRunning(command, log, job, log))
        process.until_ready(running, ready, READY)
        return running

    def worker(self, app: str) -> Running:
        """The guide's worker on the module `app`, on the check's own queue."""
        command = (
            f"celery -A {shlex.quote(app)} worker --loglevel=info "
            f"--hostname={self.queue}@localhost --without-mingle --without-gossip"
        )
        return self.once(f"worker {app}", lambda: self.start(command, worker_ready, "worker"))

    def web(self) -> Web:
        """Django's own server on a port of its own."""

        def start() -> Web:
            port = free_port()
            command = f"python manage.py runserver --noreload {port}"
            return Web(self.start(command, process.listens(port), "web"), port)

        return self.once("web", start)

    # --- the broker ---------------------------------------------------------------------------

    def waiting(self) -> int:
        """Messages in the check's own queue, not yet with any worker."""
        return self.broker.queues(login.VHOST).get(self.queue, {"ready": 0})["ready"]

    def wait_for_message(self, before: int) -> None:
        """Wait until more messages lie in the queue than `before`. Raises Wrong."""
        try:
            wait_until(lambda: self.waiting() > before, limit=MESSAGE, what="a message")
        except NotYet:
            raise common.wrong("no_message") from None

    def _drop_queue(self) -> None:
        with (
            contextlib.suppress(Exception),
            login.connect(self.broker) as connection,
            connection.channel() as channel,
        ):
            Queue(self.queue)(channel).delete()


def worker_ready(running: Running) -> bool:
    """The worker is ready; a broker that it cannot reach ends the wait at once."""
    if "Cannot connect to" in running.text():
        raise running.failure("the worker cannot reach its broker")
    return bool(re.search(r" ready\.", running.text()))


def process_ids(running: Running) -> set[int]:
    """The command's process and everything below it."""
    parent = psutil.Process(running.pid)
    return {parent.pid, *(child.pid for child in parent.children(recursive=True))}
