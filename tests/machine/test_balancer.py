"""One address for several servers: the first that answers gets the connection."""

import contextlib
import socket
import threading

import pytest

from workshop.machine.balancer import balanced
from workshop.machine.ports import free_port


@contextlib.contextmanager
def echo(word: bytes):
    """A server that answers each connection with its word and what it is sent; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as client:
                        client.sendall(word + client.recv(100))

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b" hears you")
        answer = b""
        while more := client.recv(100):
            answer += more
        return answer


def test_the_first_server_that_answers_gets_the_connection():
    with (
        echo(b"two") as two,
        echo(b"three") as three,
        balanced([free_port(), two, three]) as port,
    ):
        assert ask(port) == b"two hears you"


def test_if_no_server_answers_the_connection_is_closed():
    with (
        balanced([free_port(), free_port()]) as port,
        contextlib.suppress(ConnectionResetError),
    ):
        assert ask(port) == b""


def test_nothing_listens_afterward():
    with balanced([free_port()]) as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        ask(port)
