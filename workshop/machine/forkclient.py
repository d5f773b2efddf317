"""Run a job in a warm process of forkserver.py.

    python forkclient.py SOCKET MODULE ARGUMENTS…  # like `python -m MODULE ARGUMENTS…`,
                                                   # or `python FILE.py ARGUMENTS…`

It needs only the standard library, so it starts in milliseconds.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Sequence

STATUS = struct.Struct("i")  # as in forkserver.py


class Client:
    """A job that the server has begun: its process id, and its exit status once it has ended."""

    def __init__(
        self,
        address: str,
        words: Sequence[str],
        folder: str,
        environment: dict[str, str],
        files: Sequence[int] = (0, 1, 2),
    ):
        module, *more = words
        job = {"folder": folder, "environment": environment, "module": module, "words": more}
        self.server = socket.socket(socket.AF_UNIX)
        try:
            self.server.connect(address)
            socket.send_fds(self.server, [b"\0"], list(files))
            self.server.sendall(json.dumps(job).encode() + b"\n")
            self.pid = self._number()
        except BaseException:
            self.server.close()
            raise

    def ended(self) -> int | None:
        """Its exit status, -N after signal N; None while it runs."""
        if not select.select([self.server], [], [], 0)[0]:
            return None
        return self.wait()

    def wait(self) -> int:
        """Its exit status, -N after signal N, once it has ended."""
        code = self._number()
        self.server.close()
        return code

    def _number(self) -> int:
        said = b""
        while len(said) < STATUS.size:
            part = self.server.recv(STATUS.size - len(said))
            if not part:
                raise OSError("the server of warm processes has gone")
            said += part
        return STATUS.unpack(said)[0]


def run(address: str, *words: str) -> int:
    """Run a job with this process's folder, environment and files; return its exit status."""
    # a signal that comes before it can be passed on waits until it can
    passed_on = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, passed_on)
    job = Client(address, words, os.getcwd(), dict(os.environ))

    def forward(number: int, _) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(job.pid, number)

    for number in passed_on:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, passed_on)
    code = job.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
