"""A small HTTP service that fails for a while, as the services of others do."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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


@contextlib.contextmanager
def flaky_service(failures: float) -> Iterator[Service]:
    """The service, on a port of its own on loopback, until the block ends."""
    service = Service(failures)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(service.answer(json.loads(body)["text"] if body else ""))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Log nothing: requests are counted instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
