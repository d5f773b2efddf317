"""A queue's depth, recorded while something happens."""

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from workshop.project.project import Project

if TYPE_CHECKING:
    from workshop.lesson import pictures

SAMPLE_SECONDS = 0.05


class Watch:
    """The depth of a queue, sampled until its block ends."""

    def __init__(self, project: Project, name: str, vhost: str):
        self.broker, self.name, self.vhost = project.broker, name, vhost
        self.samples: list[tuple[float, int, int]] = []
        self.marks: list[tuple[float, str]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._over.is_set():
            self._take()
            self._over.wait(SAMPLE_SECONDS)

    def _take(self) -> None:
        with contextlib.suppress(Exception):  # the broker may be down: that is no sample
            found = self.broker.queues(self.vhost).get(self.name, {"ready": 0, "unacked": 0})
            self.samples.append((time.monotonic() - self._begun, found["ready"], found["unacked"]))

    def mark(self, words: str) -> None:
        """Note what happens now, for the figure, and the depth at this moment."""
        self._take()
        self.marks.append((time.monotonic() - self._begun, words))

    def __enter__(self) -> "Watch":
        self._begun = time.monotonic()
        self._take()
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()
        self._take()

    def picture(self, alt: str) -> "pictures.Picture":
        from workshop.lesson import pictures  # with matplotlib, which takes long to import

        return pictures.depth(self.samples, alt, self.marks)
