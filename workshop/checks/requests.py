"""Many requests at once, each sent again until it is accepted; the receipts of their jobs."""

import contextlib
import sqlite3
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from workshop.machine.patience import by_clock, wait_until
from workshop.project.web import Web

SENDERS = 4
LIMIT = 60  # seconds; on an idle machine the whole drill takes ten


def ask(web: Web, key: str = "") -> httpx.Response:
    """POST a sum; two with the same key are one job."""
    words = {"Idempotency-Key": key} if key else {}
    return web.client.post("/api/sums/", json={"x": 1, "y": 1}, headers=words)


class Requests:
    """A context manager that sends a request for each of the keys, and no more after it exits."""

    def __init__(self, web: Web, keys: list[str]):
        self.web, self.keys = web, keys
        #: the job's id, by the key of its request
        self.accepted: dict[str, str] = {}
        self.refused: list[httpx.Response] = []
        self._up, self._given_up = threading.Event(), threading.Event()

    def __enter__(self) -> "Requests":
        self._up.set()
        self._pool = ThreadPoolExecutor(SENDERS)
        self._sent = [self._pool.submit(self._send, key) for key in self.keys]
        return self

    def __exit__(self, *_) -> None:
        self._given_up.set()
        self._up.set()
        self._pool.shutdown()

    def _send(self, key: str) -> None:
        while self._up.wait() and not self._given_up.is_set():
            with contextlib.suppress(httpx.HTTPError):
                answer = ask(self.web, key)
                if answer.status_code == 202:
                    self.accepted[key] = answer.json()["id"]
                    return
                self.refused.append(answer)

    def until_accepted(self, count: int) -> None:
        wait_until(lambda: len(self.accepted) > count, limit=LIMIT, what=f"{count} accepted")

    def until_refused(self) -> None:
        """Wait for some refusals, and let the senders rest until `go_on`."""
        wait_until(lambda: len(self.refused) >= SENDERS, limit=LIMIT, what="a refusal")
        self._up.clear()

    def go_on(self) -> None:
        self._up.set()

    def until_over(self) -> None:
        done = lambda: all(one.done() for one in self._sent)  # noqa: E731
        wait_until(done, limit=LIMIT, what=f"an answer to {len(self.keys)} requests")


def receipts(database: Path) -> Counter[str]:
    """How many receipts each job has."""
    with contextlib.closing(sqlite3.connect(database, timeout=by_clock(20))) as tables:
        rows = tables.execute("select job_id from receipts_receipt").fetchall()
    return Counter(str(uuid.UUID(job)) for (job,) in rows)
