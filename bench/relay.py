"""A TCP relay in a process of its own that passes everything on later: the distance between two regions."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from tests.shipments.servers import eventually, free_port


@contextmanager
def delayed(port: int, round_trip: float) -> Iterator[int]:
    """-> the port that leads to `port` with `round_trip` seconds more; the port itself for 0."""
    if not round_trip:
        yield port
        return
    entrance, ready = free_port(), multiprocessing.Event()
    relay = multiprocessing.Process(target=_run, args=(entrance, port, round_trip / 2, ready), daemon=True)
    relay.start()
    try:
        eventually(ready.is_set, f"the relay to port {port} listens")
        yield entrance
    finally:
        relay.kill()
        relay.join()


def _run(entrance: int, port: int, delay: float, ready: "multiprocessing.synchronize.Event") -> None:
    async def serve() -> None:
        server = await asyncio.start_server(partial(_join, port, delay), "127.0.0.1", entrance)
        ready.set()
        await server.serve_forever()

    asyncio.run(serve())


async def _join(port: int, delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_pass(delay, reader, far_writer), _pass(delay, far_reader, writer))


async def _pass(delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """In order: what was read first is due first."""
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            loop.call_later(delay, writer.write, data)
    loop.call_later(delay, writer.close)
