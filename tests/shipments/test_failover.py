"""The journal on real servers: two regions' queues and blobs, a primary and its replica, a promote, a stale one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from unittest.mock import AsyncMock
from uuid import uuid4

import orjson
import psycopg
import pytest
from azure.storage.blob.aio import BlobServiceClient

from shipments import bodies, cache, control, journal, lineage, migrate, service, walker
from shipments.commands import AddComment, CaptureEvents
from shipments.errors import NotInBoth, Unavailable
from shipments.queues import Transport
from shipments.service import Shipments
from shipments.settings import CONTROL
from shipments.standing import Document, Lineage
from shipments.worker import Worker
from tests.shipments.conftest import Platform
from tests.shipments.documents import document, event
from tests.shipments.servers import APP, PASSWORD, Identity, Postgres
from tests.shipments.test_worker import registration


@dataclass
class Region:
    worker: Worker
    api: Shipments

    async def work_off(self) -> int:
        """What the queue trigger does."""
        entries = await self.worker.queues.receive("commands", 32, 30)
        for entry in entries:
            await self.worker.command(entry.message)
            await self.worker.queues.delete("commands", entry)
        return len(entries)

    async def left(self) -> int:
        return await self.worker.queues.length("journal")


@dataclass
class Pair:
    east: Region
    west: Region
    primary: Postgres
    replica: Postgres

    async def decide(self, wanted: Document, *regions: Region) -> None:
        """What operators write; each region notices within a second."""
        for region in regions or (self.east, self.west):
            uri = region.worker.settings.blobs
            async with BlobServiceClient(uri, credential=Identity(), transport=Transport()) as blobs:
                for service in ("api", "worker"):
                    body = replace(wanted, service=service).encode(region.worker.settings.region)
                    await blobs.get_blob_client(CONTROL, f"{service}.json").upload_blob(body, overwrite=True)
        for region in regions or (self.east, self.west):
            await knows(region, wanted.epoch)

    async def replicated(self) -> None:
        """The replica has everything that the primary has."""
        async with await connect(self.primary) as primary, await connect(self.replica) as replica:
            (end,) = await (await primary.execute("select pg_current_wal_insert_lsn()")).fetchone()

            async def follows() -> bool:
                row = await (await replica.execute("select pg_last_wal_replay_lsn() >= %s", (end,))).fetchone()
                return row == (True,)

            await until(follows, "the replica has everything")


async def connect(database: Postgres) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(
        host="localhost", port=database.port, user=APP, password=PASSWORD, dbname="postgres", autocommit=True)


async def rows(database: Postgres, statement: str) -> list[tuple]:
    async with await connect(database) as connection:
        return await (await connection.execute(statement)).fetchall()


async def until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    """The machine may be busy: what takes a moment is waited for, not slept for."""
    end = asyncio.get_running_loop().time() + 60
    while not await is_so():
        assert asyncio.get_running_loop().time() < end, f"within a minute: {what}"
        await asyncio.sleep(0.1)


async def promising(region: Region) -> None:
    async def is_so() -> bool:
        return region.api.promise().durability == "two-regions"

    await until(is_so, "both regions were seen")


async def knows(region: Region, epoch: int) -> None:
    async def is_so() -> bool:
        return (await region.worker.control()).epoch == (await region.api.control()).epoch == epoch

    await until(is_so, f"{region.worker.settings.region} knows of epoch {epoch}")


async def eventually_empty(region: Region) -> None:
    """Entries that were looked at show again after a second."""
    async def is_so() -> bool:
        await region.worker.walk()
        return not await region.left()

    await until(is_so, "no entry is left in the journal")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short, and patience long: other tests' processes share the machine."""
    for module, name, seconds in ((control, "INTERVAL", 0.1), (control, "LOOK", 9), (journal, "VALIDITY", 30),
                                  (service, "PEER", 9), (bodies, "PEER", 9), (cache, "CONNECTIONS", 1),
                                  (journal, "HIDDEN", 0), (walker, "HIDDEN", 0), (walker, "BUDGET", 60),
                                  (walker, "HIDE", 1), (walker, "HIDE_LONG", 1), (lineage, "LOOK_SECONDS", 0.1)):
        monkeypatch.setattr(module, name, seconds)


@pytest.fixture
def servers(clean: Platform) -> Iterator[tuple[Postgres, Postgres]]:
    """A primary of its own, since it is left behind, and its replica."""
    name = uuid4().hex[:6]
    primary = Postgres(clean.home, f"first-{name}").start()
    asyncio.run(_migrated(primary))
    replica = Postgres(clean.home, f"second-{name}", replica_of=primary).start()
    try:
        yield primary, replica
    finally:
        for server in (primary, replica):
            server.process.stop()


async def _migrated(primary: Postgres) -> None:
    async with await connect(primary) as connection:
        await migrate.apply(migrate.migrations(), connection)


@pytest.fixture
async def pair(quick: None, servers: tuple[Postgres, Postgres], clean: Platform) -> AsyncIterator[Pair]:
    primary, replica = servers
    east = replace(clean.settings, database_host=primary.host, database_peer_host=replica.host)
    west = replace(east, region="westus", peer_region="eastus", queues=east.peer_queues, peer_queues=east.queues,
                   blobs=east.peer_blobs, peer_blobs=east.blobs, database_host=replica.host,
                   database_peer_host=primary.host)
    async with AsyncExitStack() as stack:
        regions = []
        for settings in (east, west):
            worker = await stack.enter_async_context(Worker.connect(settings, Identity()))
            api = Shipments.connect(replace(settings, service="api"), Identity())
            regions.append(Region(worker, await stack.enter_async_context(api)))
        for region in regions:
            await promising(region)
        yield Pair(*regions, primary, replica)
        for uri in (east.blobs, west.blobs):
            async with BlobServiceClient(uri, credential=Identity(), transport=Transport()) as blobs:
                for service in ("api", "worker"):
                    blob = blobs.get_blob_client(CONTROL, f"{service}.json")
                    if await blob.exists():
                        await blob.delete_blob()


WEST_LEADS = Document("worker", 1, "westus", {"eastus": "fenced", "westus": "failover"}, "East is gone", "now",
                      lineage=Lineage(1, "westus"))


async def test_an_entry_leaves_when_both_databases_hold_it_and_not_before(pair: Pair) -> None:
    accepted = await pair.east.api.submit(pair.east.api.command(registration()))
    assert accepted.durability == "two-regions", pair.east.api.promise()
    await pair.west.worker.walk()
    assert await pair.west.left() == 1, "nobody has applied it yet"
    assert await pair.west.worker.queues.length("commands") == 0, "resending is the writer's affair"
    assert await pair.east.work_off() == 1, "the accepting region applies it"
    await pair.replicated()
    await eventually_empty(pair.west)


async def test_what_the_standby_accepted_is_applied_by_the_writer(pair: Pair) -> None:
    accepted = await pair.west.api.submit(pair.west.api.command(registration()))
    assert accepted.durability == "two-regions", pair.west.api.promise()
    await pair.west.work_off()
    assert (await pair.west.left(), await pair.east.left()) == (1, 1), "each region's queues hold it"
    await pair.east.worker.walk()
    assert await pair.east.work_off() >= 1, "the writer's walker put it into its own commands"
    await pair.replicated()
    for region in (pair.west, pair.east):
        await eventually_empty(region)
    assert await rows(pair.primary, "select count(*) from applied_commands") == [(1,)], "applied once"


async def test_a_promoted_region_has_what_was_acknowledged_and_the_stale_one_applies_nothing(pair: Pair) -> None:
    lost = await pair.east.api.submit(pair.east.api.command(registration()))
    assert lost.durability == "two-regions", pair.east.api.promise()
    large = [event(eventTime=f"2026-03-01T10:00:{second:02}.{part:03}Z") for second in range(10) for part in range(40)]
    capture = await pair.east.api.submit(pair.east.api.command(CaptureEvents(document=document(*large))))
    assert capture.durability == "two-regions", "its body is in both regions, too"
    pair.primary.process.stop()
    await pair.decide(WEST_LEADS, pair.west)
    assert not await pair.west.worker.writes_here(), "it is decided, but not promoted yet"
    pair.replica.promote()
    await until(pair.west.worker.writes_here, "promoted, and marked with its lineage")
    assert await rows(pair.replica, "select epoch, region from lineage") == [(1, "westus")], "before it applies"
    await pair.west.worker.walk()
    assert await pair.west.work_off() >= 2, "what East took with it is applied here"
    for accepted in (lost, capture):
        assert (await pair.west.api.result(accepted.id)).status == "applied", "nothing acknowledged is lost"

    pair.primary.start()
    await knows(pair.east, 1)
    assert not await pair.east.worker.writes_here(), "East asked West's account: its database was left behind"
    assert await pair.east.work_off() == 2, "its leftovers move on"
    assert await rows(pair.primary, "select count(*) from applied_commands") == [(0,)], "and are not applied there"
    await pair.west.worker.walk()
    assert await pair.west.left() == 2, "a database that was left behind confirms nothing"


async def test_a_write_that_one_region_alone_took_is_passed_on(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    put = pair.west.api.peer_queues.put
    monkeypatch.setattr(pair.west.api.peer_queues, "put", AsyncMock(side_effect=Unavailable("queue journal")))
    name, kept = await pair.west.api.put_photo(b"\xff\xd8\xff photo", "image/jpeg")
    comment = AddComment(shipment="TN-000001", author="Ada", text="See", photo=name)
    accepted = await pair.west.api.submit(pair.west.api.command(comment))
    assert (kept, accepted.durability) == ("two-regions", "one-region"), "East's queues do not answer, its blobs do"
    assert "did not answer" in pair.west.api.promise().reason, "whoever asks reads why"
    monkeypatch.setattr(pair.west.api.peer_queues, "put", put)
    await pair.west.work_off()

    async def passed_on() -> bool:
        await pair.west.worker.walk()
        return await pair.east.left() >= 1

    await until(passed_on, "the second look without confirmation passes it on")
    await pair.east.worker.walk()
    assert await pair.east.work_off() >= 1, "so that the writer applies it"


async def test_strict_policy_refuses_what_cannot_be_in_both(pair: Pair, clean: Platform) -> None:
    settings = replace(pair.east.api.settings, durability="strict", peer_blobs="https://localhost:1/")
    async with Shipments.connect(settings, Identity()) as api:
        with pytest.raises(NotInBoth, match=r"strict.*not seen yet"):
            await api.submit(api.command(registration()))
    assert await clean.queue("commands").take() == [], "nothing was put anywhere"


async def test_the_report_tells_what_is_left(pair: Pair) -> None:
    command = pair.east.api.command(registration())
    await pair.east.api.submit(command)
    await pair.west.worker.walk("build-1")
    told = orjson.loads(await pair.west.worker.blobs.find("worker.journal.json", CONTROL))
    assert told["walkedAt"], "everything that there is was seen"
    assert {name: told[name] for name in ("region", "entries", "unconfirmed", "earlierEpochs", "writesHere", "lineage",
                                          "epoch", "peerSeen", "build")} == {
        "region": "westus", "entries": 1, "unconfirmed": 1, "earlierEpochs": 0, "writesHere": False,
        "lineage": {"epoch": 0, "region": ""}, "epoch": 0, "peerSeen": True, "build": "build-1"}, "operators read it"
    assert told["oldestAcceptedAt"][:19] == command.accepted_at.isoformat()[:19], "the replication lag follows from it"
