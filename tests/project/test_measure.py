"""The numbers at /metrics, recorded."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from workshop.lesson.measure import AGE, DEPTH, Measure


@pytest.fixture
def project():
    """A web server whose canary has never come back at first, and is older at each request."""
    ages = iter(["+Inf", *map(str, range(1000))])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            text = f'{AGE}{{queue="sums"}} {next(ages)}\n{DEPTH}{{queue="sums"}} 5.0\n'
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield SimpleNamespace(url=lambda path: f"http://127.0.0.1:{server.server_port}{path}")
    server.shutdown()
    server.server_close()
    thread.join()


def test_values_are_recorded_and_drawn(project):
    with Measure(project, live=False) as measure:
        measure.mark("now")
        assert measure.now(AGE) >= 0
    values = measure.values(AGE)
    assert values[0] == float("inf") and values[1:] == sorted(values[1:]) and len(values) >= 3
    assert set(measure.values(DEPTH)) == {5.0}
    depth, age = measure.picture("two rows").figure.axes
    assert (depth.get_ylabel(), age.get_ylabel()) == ("waiting messages", "age in seconds")
    assert len(age.lines[0].get_xdata()) == len(values) - 1  # infinity is not drawn
    assert " now" in [text.get_text() for text in depth.texts]


def test_a_server_that_is_down_is_no_sample():
    nobody = SimpleNamespace(url=lambda path: f"http://127.0.0.1:{os.environ.get('NO', '9')}{path}")
    with Measure(nobody, live=False) as measure:
        pass
    assert measure.values(AGE) == []
