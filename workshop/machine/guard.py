"""Guard what a notebook started: when the notebook dies, the child ends.

    python guard.py CARD GRACE COMMAND…

Reads a pipe on stdin whose other end the notebook holds. When the pipe closes (the
notebook stopped the child, or its kernel was shut down, restarted or killed), the child
gets SIGTERM, Celery's warm shutdown, and GRACE seconds; then it is killed with its group, and
with what it has started in other groups, as supervisor does.
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
        try:
            child.wait(float(grace))
        except subprocess.TimeoutExpired:
            for pid in descendants(child.pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    with contextlib.suppress(FileNotFoundError):
        os.remove(card)
    return code if code >= 0 else 128 - code


def descendants(pid: int) -> list[int]:
    """The process and all that it, or one of these, has started; those above come first."""
    found = [pid]
    try:
        shown = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True)
    except OSError:  # no ps on this machine
        return found
    parents = [tuple(map(int, line.split())) for line in shown.stdout.splitlines()]
    for one in found:
        found += [child for child, parent in parents if parent == one]
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
