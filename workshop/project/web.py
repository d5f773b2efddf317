"""A Django server that a sandbox runs, asked as a browser would."""

import re
import statistics
import time

import httpx

from workshop.machine.patience import Stopwatch
from workshop.machine.process import Running
from workshop.project.browser import ANSWER, browser


class Web:
    """A Django server, and a browser in front of it."""

    def __init__(self, running: Running, port: int):
        self.running = running
        self.base = f"http://127.0.0.1:{port}"
        self.client = browser(self.base)

    def get(self, path: str) -> httpx.Response:
        """GET, redirects followed as a browser does."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, **words) -> httpx.Response:
        """Send a request, with the arguments of httpx: `json=`, `headers=`."""
        try:
            return self.client.request(method, path, **words)
        except httpx.TimeoutException:
            raise self.running.failure(f"{path} gave no answer within {ANSWER} s") from None
        except httpx.HTTPError as error:
            raise self.running.failure(f"{path}: {error}") from None

    def median(self, path: str, count: int) -> float:
        """The median of the answer times, after a first request that is not counted.

        In seconds of the machine's patience: on an idle machine, that is time by the clock.
        """
        self.get(path)
        with Stopwatch(self.running.guard.pid) as all_of_them:
            middle = statistics.median(self.seconds(path) for _ in range(count))
        return middle * all_of_them.share

    def seconds(self, path: str) -> float:
        """The time of one answer, by the clock."""
        begun = time.perf_counter()
        self.get(path)
        return time.perf_counter() - begun

    def why(self, answer: httpx.Response) -> str:
        """What an answer other than 200 means: its status, and Django's own words."""
        title = re.search(r"<title>\s*(.*?)\s*</title>", answer.text, re.S)
        words = " ".join((title.group(1) if title else answer.text[:200]).split())
        return f"{answer.status_code} {words}".strip()
