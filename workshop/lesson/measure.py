"""The numbers at a project's /metrics, recorded during a `with` block."""

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import httpx
from IPython.display import DisplayHandle, display
from prometheus_client.parser import text_string_to_metric_families

from workshop.project.browser import browser
from workshop.project.project import Project

if TYPE_CHECKING:
    from workshop.lesson import pictures

SAMPLE_SECONDS = 0.25
DEPTH, AGE = "queue_messages", "canary_age_seconds"


class Measure:
    """The numbers at /metrics, sampled until the block ends; with `live`, a growing chart."""

    def __init__(self, project: Project, live: bool):
        self._client = browser(project.url(""))
        self._live = live
        self._shown: DisplayHandle | None = None
        self._samples: list[tuple[float, dict[str, float]]] = []
        self._marks: list[tuple[float, str]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._take()
            if self._shown:
                self._shown.update(self.picture("so far"))

    def _take(self) -> None:
        with contextlib.suppress(httpx.HTTPError):  # the web server may be down: no sample
            at, text = time.monotonic() - self._begun, self._client.get("/metrics").text
            families = text_string_to_metric_families(text)
            values = {one.name: one.value for family in families for one in family.samples}
            self._samples.append((at, values))

    def mark(self, words: str) -> None:
        """Mark this moment in the chart, with a few words on what happens."""
        self._marks.append((time.monotonic() - self._begun, words))

    def values(self, name: str) -> list[float]:
        """The values of a metric, in order, such as values("canary_age_seconds")."""
        return [values[name] for _, values in self._samples if name in values]

    def now(self, name: str) -> float:
        """Take a sample, and return the value of a metric."""
        self._take()
        return self.values(name)[-1]

    def __enter__(self) -> "Measure":
        self._begun = time.monotonic()
        self._take()
        if self._live:
            self._shown = display(self.picture("so far"), display_id=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()
        self._take()
        self._client.close()
        if self._shown:
            self._shown.update(self.picture("so far"))

    def picture(self, alt: str) -> "pictures.Picture":
        """A chart of the depth of the queue, and below it one of the age of the newest canary."""
        from workshop.lesson import pictures  # imports matplotlib, which is slow

        rows = [
            (words, [(at, values[name]) for at, values in self._samples if name in values])
            for words, name in (("waiting messages", DEPTH), ("age in seconds", AGE))
        ]
        return pictures.over_time(rows, alt, self._marks)
