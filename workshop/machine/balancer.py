"""One address for several servers: a TCP load balancer, like HAProxy or a Kubernetes Service."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def balanced(ports: Sequence[int]) -> Iterator[int]:
    """A port on loopback that passes each connection on to the first of `ports` that answers.

    It stays open until the block ends.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(lambda *ends: _pass_on(ports, *ends), LOOPBACK, 0)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _pass_on(
    ports: Sequence[int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Copy both ways between a client and a server, until one of them closes."""
    for port in ports:
        with contextlib.suppress(OSError):
            theirs, ours = await asyncio.open_connection(LOOPBACK, port)
            await asyncio.gather(_copy(reader, ours), _copy(theirs, writer))
            return
    writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
