"""What this checkout started and what still runs, as any of its processes sees it.

Every guard has a card (process.py), which goes with it.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from workshop.machine.patience import wait_until
from workshop.machine.process import GRACE, card_folder, holds, is_over


@dataclass(frozen=True)
class Found:
    """A command that this checkout started, seen from another process."""

    command: str
    name: str
    guard: psutil.Process
    owner_lives: bool

    def listens(self, port: int) -> bool:
        return holds(self.guard.pid, port)

    def end(self) -> None:
        """End it with a warm shutdown, as if its notebook had been closed."""
        self.guard.terminate()

    def wait(self) -> None:
        """Return when it has ended, whether or not its notebook has noticed."""

        wait_until(
            lambda: is_over(self.guard),
            limit=GRACE + 10,
            what=f"the end of `{self.command}`",
            pid=self.guard.pid,
        )


def running() -> Iterator[Found]:
    """Everything that this checkout started and that still runs; dead cards are cleared."""
    for card in sorted(card_folder().glob("*.json")):
        try:
            facts = json.loads(card.read_text())
            guard = psutil.Process(facts["pid"])
            if str(card) not in guard.cmdline():
                raise psutil.NoSuchProcess(guard.pid)
        except (OSError, ValueError, KeyError, psutil.Error):
            card.unlink(missing_ok=True)
            continue
        yield Found(facts["command"], facts["name"], guard, guard.ppid() == facts["owner"])


def end_all() -> None:
    """End what this checkout left running, with a warm shutdown, and wait for it."""
    found = list(running())
    for one in found:
        one.end()
    for one in found:
        with contextlib.suppress(Exception):
            one.wait()
