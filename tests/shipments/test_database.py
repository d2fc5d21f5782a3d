"""A database that hangs is left after a while, and found again when it goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shipments.database import Database
from shipments.errors import Unavailable
from shipments.health import select_one
from shipments.settings import host_and_port
from tests.shipments.conftest import Platform
from tests.shipments.servers import APP, PASSWORD


class Line:
    """A way to a server that can be frozen: it takes every byte, and passes none on."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    @asynccontextmanager
    async def to(self, port: int) -> AsyncIterator[int]:
        async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))

        server = await asyncio.start_server(join, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            self.open.set()
            server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                await self.open.wait()
                writer.write(data)
        except OSError:
            pass
        writer.close()


async def password() -> str:
    return PASSWORD


async def test_a_frozen_server_is_given_up_in_time(platform: Platform) -> None:
    line = Line()
    async with line.to(host_and_port(platform.database.host, 5432)[1]) as port:
        database = Database([f"localhost:{port}"], "postgres", APP, password, writes=False, size=1, patience=30,
                            longest=1.0)
        await database.open()
        await database.run(select_one)
        line.open.clear()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with pytest.raises(Unavailable):
            await database.run(select_one)
        assert loop.time() - begun < 6, "psycopg would wait ten more seconds for its request to cancel"
        line.open.set()
        await database.run(select_one)
        await database.close()


async def test_who_stops_waiting_does_not_wait_for_a_frozen_server(platform: Platform) -> None:
    line = Line()
    async with line.to(host_and_port(platform.database.host, 5432)[1]) as port:
        database = Database([f"localhost:{port}"], "postgres", APP, password, writes=False, size=1, patience=30)
        await database.open()
        await database.run(select_one)
        line.open.clear()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await database.run(select_one)
        assert loop.time() - begun < 5, "a probe answers, whatever hangs behind it"
        line.open.set()
        await database.close()
