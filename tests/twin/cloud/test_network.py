"""The links between the regions: the real Toxiproxy before a small server."""

import asyncio
import random
import signal
import time

import pytest

from twin.cloud.cloud import find_tools
from twin.cloud.faults import Fault, FaultBook
from twin.cloud.network import Links
from twin.home import Home
from twin.runner import PortBook, Process, ProcessSpec, Runner


@pytest.fixture
async def world(tmp_path):
    """(links, faults, runner, port of a server that answers each line with the same line)."""
    first = random.randrange(20_000, 32_000, 50)
    home = Home(tmp_path / "home", first, first + 1)
    home.prepare()
    runner, faults = Runner(home), FaultBook(home.run / "faults.json", lambda _: ("", ""))
    links = Links(home, PortBook(home, runner.owns), runner, find_tools(), faults)

    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield links, faults, runner, server.sockets[0].getsockname()[1]
    server.close()
    await runner.stop_all()


class Line:
    """One connection."""

    @classmethod
    async def open(cls, port: int) -> "Line":
        line = cls()
        line.reader, line.writer = await asyncio.open_connection("127.0.0.1", port)
        return line

    async def said(self, within: float = 5.0) -> float | None:
        """Seconds until an answer; None when none came or the connection ended."""
        began = time.monotonic()
        try:
            self.writer.write(b"x\n")
            answer = await asyncio.wait_for(self.reader.readline(), within)
        except (TimeoutError, ConnectionError):
            return None
        return time.monotonic() - began if answer else None


async def put(links: Links, faults: FaultBook, *wanted: Fault) -> None:
    faults.drop()
    for fault in wanted:
        faults.add(fault)
    await links.follow()


async def test_within_a_region_there_is_no_link_and_between_two_it_stays_the_same(world):
    links, _, runner, port = world
    assert await links.through("eastus", "eastus", port) == port, "nothing is in between"
    assert runner.get("network") is None, "so nothing needs to run"
    link = await links.through("eastus", "westus", port)
    assert link not in (port, await links.through("edge", "westus", port)), "each origin has its own"
    assert await links.through("eastus", "westus", port) == link, "and always the same one"
    assert await (await Line.open(link)).said() is not None, "it leads to the server"


async def test_a_cut_link_swallows_everything_and_connections_end_when_it_is_whole(world):
    links, faults, _, port = world
    link, edge = await links.through("eastus", "westus", port), await links.through("edge", "westus", port)
    before = await Line.open(link)
    assert await before.said() is not None, "an open connection"
    await put(links, faults, Fault("partition", "westus", side="peer"))
    assert await before.said(0.5) is None, "what is sent disappears, it is not refused"
    assert await (await Line.open(link)).said(0.5) is None, "on a new connection, too"
    assert await (await Line.open(edge)).said() is not None, "the edge is not the peer"
    await put(links, faults, Fault("partition", "westus", side="edge"))
    assert await (await Line.open(edge)).said(0.5) is None, "now the edge is cut off"
    assert await (await Line.open(link)).said() is not None, "and the peer is not"
    await put(links, faults)
    assert await (await Line.open(edge)).said() is not None, "all is whole again"


async def test_latency_is_the_round_trip_between_regions_and_none_of_the_edges(world):
    links, faults, _, port = world
    link, edge = [await Line.open(await links.through(origin, "westus", port)) for origin in ("eastus", "edge")]
    await put(links, faults, Fault("latency", value=800))
    assert await link.said() >= 0.8, "half of it each way"
    assert await edge.said() < 0.8, "clients of the edge are not far away"
    await put(links, faults, Fault("latency", value=20))
    assert 0.02 <= await link.said() < 0.8, "a changed value holds for open connections"


async def test_a_network_that_died_comes_back_with_its_links_and_its_faults(world):
    links, faults, runner, port = world
    link = await links.through("eastus", "westus", port)
    await put(links, faults, Fault("partition", "eastus", side="all"))
    process = runner.get("network")
    runner.reload("network", signal.SIGKILL)
    deadline = time.monotonic() + 20
    while (process.restarts, process.state) != (1, "ready"):
        assert time.monotonic() < deadline, "it is restarted"
        await asyncio.sleep(0.05)
    assert await (await Line.open(link)).said(0.5) is None, "the link is there, and cut"
    await put(links, faults)
    assert await (await Line.open(link)).said() is not None, "and can be healed"


async def test_a_link_is_to_where_its_target_is_now(world, tmp_path, monkeypatch):
    links, faults, runner, port = world
    link = await links.through("westus", "eastus", port)
    await put(links, faults, Fault("partition", region="eastus", side="peer"))
    assert await (await Line.open(link)).said(0.5) is None, "the account is in the region that is cut off"
    moved = ProcessSpec("storage", ("sleep", "60"), tmp_path, {}, "westus", "storage", ports=(port,))
    running = runner.all()
    monkeypatch.setattr(runner, "all", lambda: [*running, Process(moved, "ready")])
    await links.follow()
    assert await (await Line.open(link)).said() is not None, "a failover moved it here, and it kept its port"
    monkeypatch.undo()
