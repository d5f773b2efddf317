"""Guard what a notebook started: when the notebook dies, the child ends.

    python guard.py CARD GRACE COMMAND…

Reads a pipe on stdin whose other end the notebook holds. When the pipe closes (the
notebook stopped the child, or its kernel was shut down, restarted or killed), the child
gets SIGTERM, Celery's warm shutdown, and GRACE seconds; then its whole group is killed.
CARD is the file that says this guard lives; it goes with the guard.
Only the standard library is used: one such process runs next to every worker.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main(card: str, grace: str, *command: str) -> int:
    # the terminal's Ctrl-C and a kernel's interrupt are for the learner's code
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())

    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=lambda: (child.wait(), over.set()), daemon=True).start()
    threading.Thread(target=lambda: (os.read(0, 1), over.set()), daemon=True).start()
    over.wait()

    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(float(grace))
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    with contextlib.suppress(FileNotFoundError):
        os.remove(card)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
