"""Hold a server of warm Python processes (forkserver.py), and give jobs to it."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from workshop import places
from workshop.machine import environment, forkclient, forkserver, tally
from workshop.machine.patience import Busy, NotYet, wait_until
from workshop.machine.process import Running

#: names the socket of a server that runs already, for all checks of a run of the tests
SHARED = "WORKSHOP_WARM"


def _shared() -> Path | None:
    """The socket of a server that others may use: of the tests, or of this checkout's Lab."""
    with contextlib.suppress(OSError):
        path = Path(os.environ.get(SHARED) or socket_note().read_text())
        return path if _answers(path) else None
    return None


def python() -> list[str]:
    """What replaces `python` before a module's or a file's name: warm, if a warm one is shared."""
    shared = _shared()
    return _run(shared) if shared else [sys.executable]


def _run(server: Path) -> list[str]:
    return [sys.executable, "-SE", forkclient.__file__, str(server)]


def _answers(path: Path) -> bool:
    """Whether a server listens at a socket."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as door:
        door.connect(str(path))
        return True
    return False


def socket_note() -> Path:
    """The file in which Lab's server leaves the path of its socket, which must be short."""
    return places.desk() / ".run" / "warm"


class Job:
    """A warm process that does a job; what `subprocess.Popen` would be for a cold one."""

    def __init__(self, server: forkclient.Client):
        self._server = server
        self.pid = server.pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, 128 + N after signal N; None while it runs."""
        if self.returncode is None:
            code = self._server.ended()
            if code is not None:
                self.returncode = code if code >= 0 else 128 - code
        return self.returncode

    def end(self, grace: float) -> None:
        """SIGTERM; after `grace` seconds SIGKILL, to it and its descendants."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            with contextlib.suppress(NotYet, Busy):
                wait_until(
                    lambda: self.poll() is not None, limit=grace, what="its end", pid=self.pid
                )
        self.kill()

    def kill(self) -> None:
        """SIGKILL it and its descendants."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        wait_until(lambda: self.poll() is not None, limit=10, what="its end")


class WarmRunning(Running):
    """A warm process that runs on, like `process.run`'s cold ones. No guard: it ends with Warm."""

    GRACE = 0.2  # what a check starts has nothing left to lose

    @property
    def pid(self) -> int:
        return self.guard.pid

    def stop(self) -> None:
        self.guard.end(self.GRACE)

    def kill(self) -> None:
        self.guard.kill()


class Warm:
    """A context manager. It is there at once; the first job waits until the imports are done."""

    def __enter__(self) -> "Warm":
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        #: a folder with a `celery` that is warm, for a PATH
        self.bin = Path(self._folder.name)
        self._server: subprocess.Popen | None = None
        self.socket = _shared() or self._serve()
        return self

    def _serve(self) -> Path:
        self.socket = self.bin / "socket"
        self._server = subprocess.Popen(
            [sys.executable, forkserver.__file__, str(self.socket)],
            env=environment.clean(),
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return self.socket

    @property
    def python(self) -> list[str]:
        """What replaces `python -m` in a command line."""
        return _run(self.socket)

    def wait(self) -> None:
        """Return when jobs can be asked for, and the folder `bin` has its commands."""
        if self._server is None and not _answers(self.socket):
            self._serve()  # the one that was shared has ended
        if server := self._server:
            wait_until(
                lambda: self.socket.exists() or server.poll() is not None,
                limit=30,
                what="warm Python",
                pid=server.pid,
            )
        celery = self.bin / "celery"
        celery.write_text(f'#!/bin/sh\nexec {shlex.join(self.python)} celery "$@"\n')
        celery.chmod(0o755)

    def start(self, words: list[str], *, cwd: Path, env: dict[str, str], out: BinaryIO) -> Job:
        """A job that does what `python -m WORDS…` would, or `python WORDS…` for a file's name.

        It writes to `out`, standard output and error together.
        """
        self.wait()
        tally.started(f"warm {tally.kind(words)}")
        with open(os.devnull, "rb") as nothing:
            files = [nothing.fileno(), out.fileno(), out.fileno()]
            return Job(forkclient.Client(str(self.socket), words, str(cwd), env, files))

    def share(self) -> None:
        """Let all checks of this checkout use it, until it ends."""
        socket_note().parent.mkdir(parents=True, exist_ok=True)
        socket_note().write_text(str(self.socket))

    def __exit__(self, *_) -> None:
        if self._server:
            self._server.communicate()  # closes its stdin, which ends it
        self._folder.cleanup()
