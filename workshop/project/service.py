"""A small HTTP service that fails for a while, as other people's services do."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from workshop.broker.node import Broker
from workshop.machine.patience import wait_until


@dataclass
class Service:
    """It answers 503 to the first `failures` requests, and 200 from then on."""

    failures: float
    url: str = ""
    asked: int = 0
    times: list[float] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def accepted(self) -> int:
        """The number of different texts that were answered with 200."""
        return len(self.texts)

    @property
    def rate(self) -> float:
        """Requests per second, from the first to the last."""
        return (len(self.times) - 1) / (self.times[-1] - self.times[0])

    def answer(self, text: str) -> int:
        with self.lock:
            self.asked += 1
            self.times.append(time.monotonic())
            if self.asked <= self.failures:
                return 503
            self.texts.add(text)
            return 200


class Server(ThreadingHTTPServer):
    """It accepts many connections at the same time."""

    request_queue_size = 128


@dataclass
class Gate(Service):
    """It answers no request until the gate is opened, and counts the requests that wait."""

    is_open: threading.Event = field(default_factory=threading.Event)

    @property
    def inside(self) -> int:
        """How many requests have arrived; until the gate is opened, all of them are waiting."""
        return self.accepted

    def wait_until_full(
        self, broker: Broker, vhost: str, queue: str, sent: int, limit: float = 20
    ) -> None:
        """Wait until no more requests can arrive, because each message that the workers may hold
        has led to one. `sent` is the number of messages. Raises NotYet.
        """

        def is_full() -> bool:
            consumers = broker.facts("consumers", vhost) or ()
            held = [one["prefetch_count"] for one in consumers if one["queue"]["name"] == queue]
            return bool(held) and self.inside >= min(sum(held), sent)

        wait_until(is_full, limit=limit, what="the requests")

    def answer(self, text: str) -> int:
        status = super().answer(text)
        self.is_open.wait()
        return status


@contextlib.contextmanager
def closed_gate() -> Iterator[Gate]:
    """A service that answers once `is_open` is set, or when the block ends."""
    gate = Gate(failures=0)
    with serving(gate):
        try:
            yield gate
        finally:
            gate.is_open.set()


@contextlib.contextmanager
def flaky_service(failures: float) -> Iterator[Service]:
    """The service, on a separate port on loopback, until the block ends."""
    service = Service(failures)
    with serving(service):
        yield service


@contextlib.contextmanager
def serving(service: Service) -> Iterator[None]:
    """Set the service's `url`, and let it answer requests until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(service.answer(json.loads(body)["text"] if body else ""))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Log nothing: requests are counted instead."""

    server = Server(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
