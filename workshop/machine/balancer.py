"""One address for several servers: a TCP load balancer, like HAProxy or a Kubernetes Service."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence

LOOPBACK = "127.0.0.1"


class Balancer:
    """A port on loopback that passes each connection on to the first of `ports` that answers."""

    def __init__(self, ports: Sequence[int]):
        self._ports = ports
        self._silences = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

        async def listen() -> asyncio.Server:
            return await asyncio.start_server(self._pass_on, LOOPBACK, 0)

        self._server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]

    def go_silent(self) -> None:
        """Lose all that comes over the connections there are, but keep them open.

        This is what a firewall does that has forgotten them. New connections work.
        """
        self._silences += 1

    def stop(self) -> None:
        """Close the port, and all connections."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy both ways between a client and a server, until one of them closes."""
        for port in self._ports:
            with contextlib.suppress(OSError):
                theirs, ours = await asyncio.open_connection(LOOPBACK, port)
                self._writers |= {ours, writer}
                await asyncio.gather(self._copy(reader, ours), self._copy(theirs, writer))
                self._writers -= {ours, writer}
                return
        writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        before = self._silences
        with contextlib.suppress(OSError):
            while data := await reader.read(2**16):
                if self._silences == before:
                    writer.write(data)
                    await writer.drain()
        writer.close()

    async def _close(self) -> None:
        self._server.close()
        for writer in self._writers:  # then whoever reads from it finds its end
            writer.close()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})


@contextlib.contextmanager
def balanced(ports: Sequence[int]) -> Iterator[int]:
    """The port of a balancer for `ports`, which stays open until the block ends."""
    balancer = Balancer(ports)
    try:
        yield balancer.port
    finally:
        balancer.stop()
