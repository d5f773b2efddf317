"""Hold a server of warm Python processes (forkserver.py), and the commands that use it."""

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from workshop import environment, forkserver
from workshop.waiting import wait_until


class Warm:
    """A context manager. Worth its 1.5 seconds where many checks follow one another."""

    def __enter__(self) -> "Warm":
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self.bin = Path(self._folder.name)
        socket = self.bin / "socket"
        script = [sys.executable, "-SE", forkserver.__file__]
        #: what stands for `python -m` in a command line
        self.python = [*script, "run", str(socket)]
        celery = self.bin / "celery"
        celery.write_text(f'#!/bin/sh\nexec {shlex.join(self.python)} celery "$@"\n')
        celery.chmod(0o755)
        self._server = subprocess.Popen(
            [sys.executable, forkserver.__file__, "serve", str(socket)],
            env=environment.clean(),
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        wait_until(
            lambda: socket.exists() or self._server.poll() is not None, limit=30, what="warm Python"
        )
        return self

    def __exit__(self, *_) -> None:
        self._server.stdin.close()
        self._server.wait()
        self._folder.cleanup()
