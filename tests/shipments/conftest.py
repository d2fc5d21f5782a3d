"""The platform's servers, started once for the tests that need them, and the domain connected to them."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient
from hypothesis import settings as hypothesis
from redis.asyncio import Redis

from shipments import migrate
from shipments.queues import Transport
from shipments.service import Shipments
from shipments.settings import CONTAINERS, POISON, QUEUES, Settings
from shipments.worker import Worker
from tests.shipments import servers
from tests.shipments.servers import APP, PASSWORD, Identity, Postgres, Process

hypothesis.register_profile("any machine", deadline=None)
hypothesis.load_profile("any machine")

TABLES = (
    "applied_commands",
    "shipment_events",
    "epcis_events",
    "outbox",
    "shipment_days",
    "statistics",
    "notifications",
    "photos",
    "lineage",
)


@dataclass
class Platform:
    """The servers of the tests; `settings` is the primary region's."""

    home: Path
    database: Postgres
    redis: Process
    storage: Process
    settings: Settings

    async def connect(self, port: int | None = None, name: str = "postgres") -> psycopg.AsyncConnection[Any]:
        """As superuser, beside the domain's own connections."""
        return await psycopg.AsyncConnection.connect(
            host="localhost", port=port or self.database.port, user=APP, password=PASSWORD, dbname=name, autocommit=True
        )

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        async with await self.connect() as connection:
            return await (await connection.execute(statement, values or None)).fetchall()

    def queue(self, name: str, region: str = "east") -> "Queue":
        return Queue(self.settings.queues if region == "east" else self.settings.peer_queues, name)


@dataclass(frozen=True)
class Queue:
    """A look into a queue beside the domain's own."""

    endpoint: str
    name: str

    async def take(self) -> list[bytes]:
        """All messages, decoded, out of the queue."""
        async with QueueServiceClient(self.endpoint, credential=Identity(), transport=Transport()) as service:
            queue, taken = service.get_queue_client(self.name), []
            async for message in queue.receive_messages(messages_per_page=32):
                taken.append(base64.b64decode(message.content))
                await queue.delete_message(message)
            return taken

    async def json(self) -> list[Any]:
        return [orjson.loads(message) for message in await self.take()]


def redis_of(platform: Platform) -> Redis:
    """Redis beside the domain's own connection."""
    return Redis(
        host="localhost",
        port=platform.redis.port,
        username=APP,
        password=PASSWORD,
        ssl=True,
        ssl_ca_certs=str(platform.home / "server.crt"),
    )


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    with servers.folder() as home, pytest.MonkeyPatch.context() as patch:
        servers.certificate(home)
        patch.setenv("SSL_CERT_FILE", str(home / "server.crt"))
        database = Postgres(home, "east").start()
        redis = servers.redis(home).start()
        storage, blobs = servers.azurite(home)
        storage.start()
        settings = Settings(
            service="worker",
            region="eastus",
            peer_region="westus",
            primary_region="eastus",
            client_id="app",
            queues=f"https://localhost:{storage.port}/east/",
            peer_queues=f"https://localhost:{storage.port}/west/",
            blobs=f"https://localhost:{blobs}/east/",
            peer_blobs=f"https://localhost:{blobs}/west/",
            redis_host=f"localhost:{redis.port}",
            redis_user=APP,
            database_host=database.host,
            database_peer_host=database.host,
            database_name="postgres",
            database_user=APP,
        )
        try:
            yield Platform(home, database, redis, storage, settings)
        finally:
            for process in (storage, redis, database.process):
                process.stop()


@pytest.fixture(scope="session")
def prepared(platform: Platform) -> Platform:
    """With tables, queues and containers."""
    asyncio.run(prepare(platform))
    return platform


async def prepare(platform: Platform) -> None:
    async with await platform.connect() as connection:
        await migrate.apply(migrate.migrations(), connection)
    for uri in (platform.settings.queues, platform.settings.peer_queues):
        async with QueueServiceClient(uri, credential=Identity(), transport=Transport()) as queues:
            for queue in QUEUES:
                await queues.create_queue(queue)
                await queues.create_queue(queue + POISON)
    for uri in (platform.settings.blobs, platform.settings.peer_blobs):
        async with BlobServiceClient(uri, credential=Identity(), transport=Transport()) as blobs:
            for container in CONTAINERS:
                await blobs.create_container(container)


@pytest.fixture
async def clean(prepared: Platform) -> Platform:
    """Empty tables, queues and cache."""
    async with redis_of(prepared) as redis:
        await redis.flushall()
    async with await prepared.connect() as connection:
        await connection.execute(f"truncate {', '.join(TABLES)}")
    for uri in (prepared.settings.queues, prepared.settings.peer_queues):
        async with QueueServiceClient(uri, credential=Identity(), transport=Transport()) as queues:
            await asyncio.gather(
                *(
                    queues.get_queue_client(name).clear_messages()
                    for queue in QUEUES
                    for name in (queue, queue + POISON)
                )
            )
    return prepared


@pytest.fixture
async def worker(clean: Platform) -> AsyncIterator[Worker]:
    async with Worker.connect(clean.settings, Identity()) as worker:
        yield worker


@pytest.fixture
async def shipments(clean: Platform) -> AsyncIterator[Shipments]:
    async with Shipments.connect(replace(clean.settings, service="api"), Identity()) as shipments:
        yield shipments
