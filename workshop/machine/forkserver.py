"""Python that has imported Celery, Django and REST framework already, forked for each job.

    python forkserver.py SOCKET    # wait for jobs until stdin closes

A check asks a learner's project several things, each in a process of its own. Importing the
libraries takes most of such a process's time, and is the same every time. A client (forkclient.py)
hands over its folder, environment and files, and this server forks: the learner's code finds a
fresh process, with its own libraries imported and nothing of the learner's. Where a file of the
learner's has the name of such a library, the job runs in a cold Python instead.
Only the standard library is imported at the top: a child has nothing of ours.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import traceback
from pathlib import Path

# in the order in which a check needs them: a job that comes early finds the first ones
LIBRARIES = (
    "workshop.causes",
    "workshop.checks.facts",
    "kombu.transport.pyamqp",
    "celery.apps.worker",
    "celery.worker.consumer",
    "celery.worker.strategy",
    "celery.concurrency.prefork",
    "celery.events.state",
    "click",
    "prompt_toolkit.buffer",
    "celery.bin.celery",
    "celery.fixups.django",
    "celery.loaders.app",
    "dotenv",
    "django.conf",
    "django.http",
    "django.urls",
    "django.core.management",
    "django.db.models.fields",
    "django.db.models",
    "django.template.backends.django",
    "rest_framework.fields",
    "rest_framework.serializers",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.executor",
    "django.test.client",
    "django.core.servers.basehttp",
    "django.contrib.admin.options",
    "django.contrib.auth.checks",
    "cron_descriptor",
    "crontab",
    "celery.apps.beat",
    "dj_database_url",
    "httpx",
    "pytest",
    "anyio.pytest_plugin",
)
STATUS = struct.Struct("i")


def serve(address: str) -> None:
    """Import the libraries, and fork for each job until stdin closes."""
    sys.path.pop(0)  # this file's folder, which nothing should be imported from
    job = Server(address).wait_for_job()
    if job:  # this is the child
        _do(job)


class Server:
    """Each event has a method, which returns a job in the child that should do it."""

    def __init__(self, address: str):
        self._libraries = list(LIBRARIES)
        self._clients: dict[int, socket.socket] = {}
        self._is_over = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{address}.new")
        self._listener.listen(16)
        os.rename(f"{address}.new", address)  # once it is visible, it accepts connections
        wake, woken = socket.socketpair()
        for end in (wake, woken):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(woken.fileno())
        self._ends = wake, woken
        self._events = selectors.DefaultSelector()
        self._events.register(self._listener, selectors.EVENT_READ, self._asked)
        self._events.register(wake, selectors.EVENT_READ, self._child_ended)
        self._events.register(sys.stdin, selectors.EVENT_READ, self._stdin_closed)

    def wait_for_job(self) -> dict | None:
        """The job to do, in a child; None in the server, when all is over."""
        while not self._is_over:
            if self._libraries:  # one more, and then a look at who waits
                importlib.import_module(self._libraries.pop(0))
                if not self._libraries:
                    gc.collect()
                    gc.freeze()  # a child's collector need not touch, and so copy, what is here
            for key, _ in self._events.select(0 if self._libraries else None):
                if job := key.data():
                    self._events.close()
                    return job
        return None

    def _asked(self) -> dict | None:
        client, _ = self._listener.accept()
        job = _fork(client)
        if job.get("child"):
            signal.set_wakeup_fd(-1)
            self._listener.close()
            return job
        if job:
            self._clients[job["pid"]] = client
            gone = functools.partial(self._client_gone, client, job["pid"])
            self._events.register(client, selectors.EVENT_READ, gone)
        return None

    def _client_gone(self, client: socket.socket, pid: int) -> None:
        self._events.unregister(client)
        _kill(pid)

    def _child_ended(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._ends[0].recv(4096)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                self._tell(*ended)

    def _tell(self, pid: int, status: int) -> None:
        client = self._clients.pop(pid)
        with contextlib.suppress(KeyError):
            self._events.unregister(client)
        with contextlib.suppress(OSError):
            client.sendall(STATUS.pack(os.waitstatus_to_exitcode(status)))
        client.close()

    def _stdin_closed(self) -> None:
        for pid in self._clients:
            _kill(pid)
        self._is_over = True


def _fork(client: socket.socket) -> dict:
    """Read a job and fork for it. The child gets the job, the parent its process id."""
    with client.makefile("rb") as lines:
        _, files, _, _ = socket.recv_fds(client, 1, 3)
        words = lines.readline()
    if len(files) < 3 or not words:  # the client left before it had asked
        return {}
    pid = os.fork()
    if pid:
        for file in files:
            os.close(file)
        with contextlib.suppress(OSError):
            client.sendall(STATUS.pack(pid))
        return {"pid": pid}
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    client.close()
    return {**json.loads(words), "child": True}


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _do(job: dict) -> None:
    """In the child: become what `python -m MODULE ARGUMENTS…` would be."""
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    module, words = job["module"], job["words"]
    path = [part for part in job["environment"].get("PYTHONPATH", "").split(os.pathsep) if part]
    if any(_shadows(Path(part)) for part in (job["folder"], *path)):
        how = [] if module.endswith(".py") else ["-m"]
        os.execv(sys.executable, [sys.executable, *how, module, *words])
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv = [module, *words]
    sys.path[:0] = path
    # what Python does with a sitecustomize.py on its path at its start
    for part in path:
        site = Path(part) / "sitecustomize.py"
        if site.is_file():
            runpy.run_path(str(site))
    code = _run_module(module)
    # leave as Python does, but without taking thousands of modules apart
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


def _run_module(module: str) -> int:
    """Run a module, or a file by its name, as the main one; return the exit status."""
    try:
        if module.endswith(".py"):  # its folder comes first, as `python FILE` has it
            sys.path.insert(0, str(Path(module).resolve().parent))
            runpy.run_path(module, run_name="__main__")
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _shadows(folder: Path) -> bool:
    """Whether a file in the folder has the name of a module that is imported already."""
    names = {name.split(".")[0] for name in sys.modules} - {"sitecustomize", "workshop"}
    return any(
        path.name.removesuffix(".py") in names and (path.is_dir() or path.suffix == ".py")
        for path in folder.glob("*")
    )


if __name__ == "__main__":
    serve(sys.argv[1])
