"""Python that has imported Celery, Django and REST framework already, forked for each job.

    python forkserver.py serve SOCKET                  # wait for jobs until stdin closes
    python forkserver.py run SOCKET MODULE ARGUMENTS…  # like `python -m MODULE ARGUMENTS…`,
                                                       # or `python FILE.py ARGUMENTS…`

A check asks a learner's project several things, each in a process of its own. Importing the
libraries takes most of such a process's time, and is the same every time. `run` hands its
folder, environment and files to the server, which forks: the learner's code finds a fresh
process, with its own libraries imported and nothing of the learner's. Where a file of the
learner's has the name of such a library, the job runs in a cold Python instead.
The standard library alone at the top: `run` starts in milliseconds.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import selectors
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Sequence
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
)
STATUS = struct.Struct("i")


# --- the server ------------------------------------------------------------------------------


def serve(address: str) -> None:
    """Import the libraries, and fork for each job until stdin closes."""
    sys.path.pop(0)  # this file's folder, which is no place to import from
    job = _wait_for_job(address)
    if job:  # this is the child
        _do(job)


def _wait_for_job(address: str) -> dict | None:
    """The job to do, in a child; None in the server, when all is over."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(16)
    wake, woken = socket.socketpair()
    for end in (wake, woken):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(woken.fileno())
    jobs: dict[int, socket.socket] = {}
    libraries = list(LIBRARIES)
    with selectors.DefaultSelector() as events:
        for one in (listener, wake, sys.stdin):
            events.register(one, selectors.EVENT_READ)
        while True:
            if libraries:  # one more, and then a look at who waits
                importlib.import_module(libraries.pop(0))
                if not libraries:
                    gc.collect()
                    gc.freeze()  # a child's collector need not touch, and so copy, what is here
            for key, _ in events.select(0 if libraries else None):
                if key.fileobj is sys.stdin:
                    for pid in jobs:
                        _kill(pid)
                    return None
                if key.fileobj is wake:
                    with contextlib.suppress(BlockingIOError):
                        wake.recv(4096)
                    _report_ended(jobs, events)
                elif key.fileobj is listener:
                    client, _ = listener.accept()
                    job = _fork(client)
                    if job.get("child"):
                        signal.set_wakeup_fd(-1)
                        listener.close()
                        return job
                    if job:
                        jobs[job["pid"]] = client
                        events.register(client, selectors.EVENT_READ, job["pid"])
                else:  # whoever asked has gone
                    events.unregister(key.fileobj)
                    _kill(key.data)


def _fork(client: socket.socket) -> dict:
    """Read a job and fork for it. The child gets the job, the parent its process id."""
    with client.makefile("rb") as lines:
        _, files, _, _ = socket.recv_fds(client, 1, 3)
        words = lines.readline()
    if len(files) < 3 or not words:  # it went before it had asked
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


def _report_ended(jobs: dict[int, socket.socket], events: selectors.BaseSelector) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        client = jobs.pop(pid)
        with contextlib.suppress(KeyError):
            events.unregister(client)
        with contextlib.suppress(OSError):
            client.sendall(STATUS.pack(os.waitstatus_to_exitcode(status)))
        client.close()


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
    is_file = module.endswith(".py")
    path = [part for part in job["environment"].get("PYTHONPATH", "").split(os.pathsep) if part]
    if any(_shadows(Path(part)) for part in (job["folder"], *path)):
        os.execv(sys.executable, [sys.executable, *([] if is_file else ["-m"]), module, *words])
    sys.stdout.reconfigure(line_buffering=True)
    sys.argv = [module, *words]
    sys.path[:0] = path
    # what Python does with a sitecustomize.py on its path at its start
    for part in path:
        site = Path(part) / "sitecustomize.py"
        if site.is_file():
            runpy.run_path(str(site))
    code = 0
    try:
        if is_file:  # its folder comes first, as `python FILE` has it
            sys.path.insert(0, str(Path(module).resolve().parent))
            runpy.run_path(module, run_name="__main__")
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    # leave as Python does, but without taking thousands of modules apart
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


def _shadows(folder: Path) -> bool:
    """Whether a file in the folder has the name of a module that is imported already."""
    names = {name.split(".")[0] for name in sys.modules} - {"sitecustomize", "workshop"}
    return any(
        path.name.removesuffix(".py") in names and (path.is_dir() or path.suffix == ".py")
        for path in folder.glob("*")
    )


# --- the client ------------------------------------------------------------------------------


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
    """Have a job done with this process's folder, environment and files; its exit status."""
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
    verb, *rest = sys.argv[1:]
    sys.exit({"serve": serve, "run": run}[verb](*rest))
