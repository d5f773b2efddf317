"""A private Redis, or Valkey, which can be killed: another broker, for comparison with RabbitMQ."""

import contextlib
import os
import shlex
import shutil
import socket
from collections.abc import Iterator
from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from workshop.broker.spare import folder_for_this_process
from workshop.errors import CourseError
from workshop.machine import packages, process
from workshop.machine.patience import by_clock
from workshop.machine.ports import claim, is_taken

SERVERS = ("redis-server", "valkey-server")
# where Debian and Homebrew install them, in case PATH lacks these folders
PLACES = ("/usr/bin", "/opt/homebrew/bin", "/usr/local/bin", "/home/linuxbrew/.linuxbrew/bin")
# Not Redis's default port, which another Redis may use. It is below the range of ephemeral ports,
# in which a client that persistent retrying could connect to itself.
FIRST_PORT = 6479


def find_server() -> str | None:
    """The path of redis-server, or else of valkey-server, on this machine."""
    on_path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(filter(None, [*on_path, *PLACES]))
    return next(filter(None, (shutil.which(name, path=path) for name in SERVERS)), None)


def installed_server() -> str:
    """The path of the server. If there is none, install Debian's package where that is allowed."""
    if found := find_server():
        return found
    cure = packages.by_system(
        debian="redis-server",
        mac="brew install redis",
        other="install your system's package `valkey` or `redis`",
    )
    packages.install("redis-server", cure)
    if found := find_server():
        return found
    raise CourseError("redis-server was installed, but it is in none of the usual places.", cure)


class Redis:
    """A single server in `desk/.redis`, on a port that stays the same when it is started again.

    Nothing runs until `start`. It ends with this process, as every command of a notebook does.
    """

    def __init__(self) -> None:
        self.folder = folder_for_this_process(".redis")
        self.persistent = False
        self._port: int | None = None
        self._server: process.Running | None = None

    def __repr__(self) -> str:
        return f"<Redis: {'running' if self.is_running else 'not running'}>"

    @property
    def port(self) -> int:
        """Its port, chosen when it is first needed."""
        if self._port is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._port = claim(self.folder, {"redis": FIRST_PORT}, {})["redis"]
        return self._port

    def url(self, db: int = 0) -> str:
        """The address of one of its databases."""
        return f"redis://127.0.0.1:{self.port}/{db}"

    @property
    def is_running(self) -> bool:
        return self._server is not None and self._server.is_running

    @property
    def pid(self) -> int | None:
        """The server's process, if it is running."""
        return self._server.pid if self._server and self._server.is_running else None

    def start(self, persistent: bool = False) -> bool:
        """Start it and wait until it answers; False if it was running already.

        With `persistent`, its data survives a kill; start it that way each time. Without, it starts
        empty, and what an earlier start with `persistent` left on disk is deleted.
        """
        if self.is_running:
            if persistent != self.persistent:
                raise CourseError(
                    f"this Redis is already running, with persistent={self.persistent}.",
                    f"stop() it, then start(persistent={persistent})",
                )
            return False
        server = installed_server()
        folder_for_this_process(".redis")  # this object may have been created long ago
        if not persistent:
            for old in self.folder.glob("appendonly*"):  # a file before Redis 7, then a folder
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        self.folder.mkdir(parents=True, exist_ok=True)
        if is_taken(self.port):
            raise CourseError(
                f"another program listens on port {self.port}, which the private Redis needs.",
                f"end it (ss -ltnp 'sport = :{self.port}' names it), then start again",
            )
        self.persistent = persistent
        listens = process.listens(self.port)
        self._server = process.run(
            shlex.join([server, *self._options()]),
            cwd=self.folder,
            ready=lambda running: self.answers() and listens(running),
            name="redis",
        )
        return True

    def _options(self) -> list[str]:
        """The command line: no configuration file, so nothing of the system's own Redis.

        With `everysec`, Redis's default, a change is on disk up to two seconds after its answer.
        With `always`, it is on disk before the answer, so that "nothing is lost" can be counted
        after a kill at any moment.
        """
        return [
            *("--bind", "127.0.0.1"),
            *("--port", str(self.port)),
            *("--save", ""),  # no snapshots: the append-only file alone decides what survives
            *("--appendonly", "yes" if self.persistent else "no"),
            *("--appendfsync", "always"),
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator["Redis"]:
        """It, running and empty; stopped afterward if it was not running before."""
        new = self.start(self.persistent and self.is_running)
        self.empty()
        try:
            yield self
        finally:
            if new:
                self.stop()

    def answers(self) -> bool:
        """Whether it answers PING. It does not while it is still loading its data."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), by_clock(1)) as door:
                door.sendall(b"PING\r\n")
                return door.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def stop(self) -> None:
        """Stop it in an orderly way; without `persistent`, its data is gone anyway."""
        if self._server:
            self._server.stop()

    def kill(self) -> None:
        """SIGKILL it, as the OOM killer would."""
        if self._server:
            self._server.kill()
            self._server.stop()  # closes the pipe to its guard

    def call(self, *words: str | int, db: int = 0):
        """The reply to a raw command: `call("LRANGE", "celery", 0, -1)`."""
        client = redis.Redis(
            host="127.0.0.1",
            port=self.port,
            db=db,
            decode_responses=True,
            encoding_errors="backslashreplace",  # a message may hold any bytes
            socket_timeout=by_clock(10),
            retry=Retry(
                NoBackoff(), 0
            ),  # a command whose answer was lost would be carried out twice
        )
        try:
            with client:
                return client.execute_command(*words)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise CourseError(f"the private Redis does not answer: {error}", "start() it") from None

    def length(self, queue: str, db: int = 0) -> int:
        """How many messages wait in a queue, which is a list in Redis."""
        return self.call("LLEN", queue, db=db)

    def empty(self) -> None:
        """Delete everything in all of its databases."""
        self.call("FLUSHALL")


@cache
def this_process_redis() -> Redis:
    """This process's private Redis, shared by all callers, since it ends with this process."""
    return Redis()
