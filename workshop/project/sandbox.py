"""A project that runs next to the learner's own work: neither takes the other's messages.

Until a project names its queues itself, the sandbox has a separate queue in the learner's vhost
(site/sitecustomize.py); from then on, a separate vhost, too. Its database is always separate.
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
from typing import Any, TypeVar

from amqp import AMQPError

from workshop.broker import login
from workshop.broker.node import Broker, exclusive_check
from workshop.desk import prepare, stages
from workshop.machine import environment, process
from workshop.machine.ports import free_port
from workshop.machine.process import Running
from workshop.machine.warm import Warm, WarmRunning
from workshop.project.manage import migrate
from workshop.project.web import Web

T = TypeVar("T")

SITE = Path(__file__).with_name("site")
FOR_THE_SHELL = set("$`<>;&|#~*?()")  # characters that only a shell understands
# seconds of the machine's patience: a worker or a web server of a stage is ready after one
READY = 20


class Sandbox:
    """A context manager; what it started ends with it, and nothing of it is left on the broker."""

    def __init__(self, stage: stages.Stage, broker: Broker | None = None, warm: Warm | None = None):
        self.stage = stage
        self.broker = broker or Broker()
        self._warm = warm
        self._stack = contextlib.ExitStack()
        self.queue = f"check-{uuid.uuid4().hex[:8]}"
        self.vhost = self.queue if stage.has_own_vhost else login.VHOST
        self._once: dict[str, Future] = {}

    def __enter__(self):
        with contextlib.ExitStack() as stack:  # clean up what is there, even if the rest fails
            self._stack = stack
            self.warm = self._warm or stack.enter_context(Warm())
            self.broker.start()
            stack.enter_context(exclusive_check(self.broker))
            prepare.enter(self.broker)
            if not self.path.exists():
                stages.begin(self.stage, port=self.broker.port)
            prepare.replay(self.stage, self.broker)
            if self.stage.has_own_vhost:
                self.broker.make_vhost(self.vhost, login.USER)
                stack.callback(self.broker.remove, "vhosts", self.vhost)
            else:
                stack.callback(self._drop_queues, set(self.broker.queues(login.VHOST)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_) -> None:
        try:
            for one in self._once.values():
                one.exception()  # wait for background work, too
        finally:
            self._stack.close()

    @property
    def path(self) -> Path:
        return self.stage.path

    @property
    def folder(self) -> Path:
        """A folder for the files that a check writes."""
        return Path(self.once("folder", lambda: self.enter(tempfile.TemporaryDirectory())))

    @property
    def database(self) -> Path:
        return self.folder / "check.sqlite3"

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process of the project use the queue or vhost, and the database."""
        found = {
            "WORKSHOP_QUEUE": self.queue,
            "PYTHONPATH": os.pathsep.join([str(SITE), *environment.checkout_on_path().values()]),
            "DATABASE_URL": f"sqlite:///{self.database}",
            "PATH": f"{self.warm.bin}{os.pathsep}{os.environ['PATH']}",
        }
        if self.vhost != login.VHOST:
            found["BROKER_URL"] = login.url(self.broker, self.vhost)
        return found

    def enter(self, context: contextlib.AbstractContextManager[T]) -> T:
        """Enter a context manager and return its value; it exits when this one does."""
        return self._stack.enter_context(context)

    # --- what is made once ----------------------------------------------------------------

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Make something once: everyone who asks gets the same answer, or the same failure."""
        return self._future(name, make, lambda work: work()).result()

    def ahead(self, name: str, make: Callable[[], Any]) -> None:
        """Begin to make in the background what `once` will be asked for under this name."""
        self._future(name, make, lambda work: Thread(target=work, daemon=True).start())

    def has(self, name: str) -> bool:
        """Whether `once` has made this, and it went well."""
        return name in self._once and self._once[name].exception() is None

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

    # --- what runs ------------------------------------------------------------------------

    def start(self, command: str, ready, name: str, **env: str) -> Running:
        """Start a command of the project; it is ended when the sandbox exits. Raises CourseError.

        `celery …` and `python manage.py …` run in a warm Python, anything else as it is typed.
        """
        words, env = shlex.split(command), {**self.environment, **env}
        if words[0] not in ("celery", "python") or FOR_THE_SHELL & set(command):
            self.warm.wait()  # a command of the line may be the warm celery
            # what such a line starts may end after it: a worker that still runs keeps its queues
            return self.enter(
                process.run(
                    command,
                    cwd=self.path,
                    ready=ready,
                    env=env,
                    name=f"check-{name}",
                    limit=READY,
                    grace=process.GRACE,
                )
            )
        if words[0] == "python":
            words = words[1:]
        log = self.folder / f"{name}-{uuid.uuid4().hex[:8]}.log"
        with log.open("wb") as out:
            job = self.warm.start(words, cwd=self.path, env=environment.clean(**env), out=out)
        running = self.enter(WarmRunning(command, log, job, log))
        process.until_ready(running, ready, READY)
        return running

    def migrate(self) -> None:
        """Make the project's tables."""
        self.once("migrate", lambda: migrate(self.path, self.environment))

    def start_worker(
        self,
        *,
        name: str = "",
        concurrency: int | None = None,
        include: str = "",
        env: dict[str, str] | None = None,
    ) -> Running:
        """The guide's worker on the stage's app, with options of Celery's; `name` tells several
        apart."""
        words = ["celery", "-A", self.stage.app, "worker", "--loglevel=info"]
        words += [
            f"--hostname={self.queue}{name and '-'}{name}@localhost",
            "--without-mingle",
            "--without-gossip",
        ]
        words += [f"--concurrency={concurrency}"] if concurrency else []
        words += [f"--include={include}"] if include else []
        return self.start(shlex.join(words), worker_ready, "worker", **(env or {}))

    def worker(self, **options) -> Running:
        """The one worker of the sandbox, started when it is asked for first."""
        return self.once("worker", lambda: self.start_worker(**options))

    def serve(self, env: dict[str, str] | None = None) -> Web:
        """Django's own server on a port of its own."""
        port = free_port()
        command = f"python manage.py runserver --noreload {port}"
        return Web(self.start(command, process.listens(port), "web", **(env or {})), port)

    def web(self) -> Web:
        """The one web server of the sandbox."""
        return self.once("web", self.serve)

    def _drop_queues(self, before: set[str]) -> None:
        """Remove the sandbox's queue, and other queues that the project's code declared.

        A queue that somebody else declared in the meantime goes, too, if no worker takes from it.
        """
        with contextlib.suppress(Exception), login.connect(self.broker) as connection:
            for name in set(self.broker.queues(login.VHOST)) - before:
                # a learner's worker may have started in the meantime: its queues stay
                with contextlib.suppress(AMQPError):
                    connection.channel().queue_delete(name, if_unused=name != self.queue)


def worker_ready(running: Running) -> bool:
    """Whether the worker is ready; a broker that it cannot reach ends the wait at once."""
    if "Cannot connect to" in running.text():
        raise running.failure("the worker cannot reach its broker")
    return bool(re.search(r" ready\.", running.text()))
