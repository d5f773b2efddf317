"""One patience for every wait and every time limit of the course.

A limit is in seconds of *the machine's patience*: a second counts only as far as the machine
could give it. Seconds in which the process that is waited for, or one below it, waited for a
core itself do not count (Linux writes them down in /proc/PID/task/TID/schedstat, second
figure), and where more processes want a core than there are cores, a second counts for their
share of it. So a limit means the same on an idle machine and on one that eight other programs
keep busy. On an idle machine it is a limit by the clock.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from workshop.errors import CourseError
from workshop.machine.kernel import load_per_core, top_cpu_users, waits

T = TypeVar("T")

#: by the clock, a limit takes at most this many times its own length
MAX_STRETCH = 20
#: from this many times on nobody can tell a late answer from one that never comes
STARVED = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.05  # seconds between two looks at a condition
SAMPLE = 0.05  # seconds between two looks at the machine
QUIET = 2.0  # seconds by the clock, after which a wait is reported

#: gets what is waited for and the seconds so far, now and then, and ("", 0) when it is over;
#: whoever can show that sets it
report_wait: Callable[[str, float], None] | None = None


class NotYet(CourseError):
    """The condition did not come true, and the machine gave it the time it needs."""


class Busy(CourseError):
    """This machine is so busy that nobody can tell whether something is late or wrong."""

    def __init__(self, what: str, clock: float):
        super().__init__(
            f"this machine is too busy: {what} did not come in {clock:.0f} s, most of which "
            f"other programs had. The busiest now: {'; '.join(top_cpu_users())}. "
            "That says nothing about your work",
            "end those programs or wait for them, then do the same again",
        )


class Patience:
    """A limit in seconds of the machine's patience, from now on.

    `pid` is the process that is waited for, if there is one. `counted` is how much of the limit
    has passed, `clock` how much time by the clock, both in seconds, as of the last look.
    """

    def __init__(self, limit: float, pid: int | None = None):
        self.limit, self.pid = limit, pid
        self.clock = 0.0
        self._fair = self._waited = 0.0  # its share of the machine's time, and its own waits
        self._begun = self._at = time.monotonic()
        self._waits = waits(pid) if pid else {}
        self._reported = False

    @property
    def counted(self) -> float:
        return max(self.clock / MAX_STRETCH, min(self.clock - self._waited, self._fair))

    def look(self) -> float:
        """Count the time since the last look; return the total counted."""
        now = time.monotonic()
        gone = now - self._at
        if gone >= SAMPLE:
            self._fair += gone / load_per_core()
            self._waited += self._waited_since()
            self.clock, self._at = now - self._begun, now
        return self.counted

    def _waited_since(self) -> float:
        """Seconds that threads waited since the last look: the average of those that did."""
        if not self.pid:
            return 0.0
        before, self._waits = self._waits, waits(self.pid)
        more = [now - before.get(task, 0) for task, now in self._waits.items()]
        more = [one for one in more if one > 0]
        return sum(more) / len(more) / 1e9 if more else 0.0

    @property
    def is_over(self) -> bool:
        return self.look() > self.limit

    @property
    def is_starved(self) -> bool:
        """Whether the machine gave so little that nothing can be said of what was waited for."""
        return self.clock > STARVED * self.counted

    def report(self, what: str) -> None:
        """Report a wait that a person could take for a hang."""
        if report_wait and self.clock >= QUIET:
            self._reported = True
            report_wait(what, self.clock)

    def end(self) -> None:
        """The wait is over, whatever came of it."""
        if report_wait and self._reported:
            report_wait("", 0)

    def failure(self, what: str) -> NotYet | Busy:
        """The error for what did not come."""
        if self.is_starved:
            return Busy(what, self.clock)
        return NotYet(f"{what} did not come within {self.limit:g} s")


def wait_until(
    condition: Callable[[], T | None], *, limit: float, what: str, pid: int | None = None
) -> T:
    """Ask `condition` until its answer is true, and return that answer.

    `limit` is in seconds of the machine's patience, `pid` the process that is waited for, where
    there is one. After the limit, raises NotYet: `what` did not come; or Busy, if the machine
    gave too little to tell.
    """
    patience, pause = Patience(limit, pid), FIRST_PAUSE
    try:
        while not (answer := condition()):
            if patience.is_over:
                raise patience.failure(what)
            patience.report(what)
            time.sleep(pause)
            pause = min(1.2 * pause, LONGEST_PAUSE)
        return answer
    finally:
        patience.end()


def until_ended(process: subprocess.Popen, *, limit: float, what: str) -> tuple:
    """What a process wrote, (standard output, error), once it has ended. Raises as wait_until."""
    patience = Patience(limit, process.pid)
    try:
        while True:
            try:
                return process.communicate(timeout=LONGEST_PAUSE)
            except subprocess.TimeoutExpired:
                if patience.is_over:
                    raise patience.failure(what) from None
                patience.report(what)
    finally:
        patience.end()


def run_through(command: list[str], *, limit: float, **words) -> subprocess.CompletedProcess:
    """`subprocess.run` with a limit in the machine's patience.

    It runs in a separate session, and is killed with its descendants when the limit is over.
    """
    with subprocess.Popen(command, start_new_session=True, **words) as process:
        try:
            what = f"the end of `{' '.join(command[:3])}`"
            out, error = until_ended(process, limit=limit, what=what)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, error)


def by_clock(limit: float) -> float:
    """Seconds by the clock that `limit` may take now: for a library's own time limits."""
    return limit * min(MAX_STRETCH, 2 * load_per_core() - 1)


class Stopwatch:
    """What a `with` block takes, in seconds of the machine's patience (`seconds`), and by the
    clock (`clock`). `pid` is the process that does the work, where it is not this one.
    """

    def __init__(self, pid: int | None = None):
        self.patience = Patience(0, pid)
        self._over = threading.Event()

    def _count(self) -> None:
        while not self._over.wait(SAMPLE):
            self.patience.look()

    def __enter__(self) -> "Stopwatch":
        self._begun = time.perf_counter()
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.clock = time.perf_counter() - self._begun
        self._over.set()
        self._thread.join()
        # anything shorter than a sample keeps the time of the clock
        self.seconds = min(self.clock, self.patience.look() or self.clock)

    @property
    def share(self) -> float:
        """What this machine gave of each second: 1.0 where nothing else wanted it."""
        return self.seconds / self.clock
