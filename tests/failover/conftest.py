"""A real blob server with both regions' control containers, and the rooms that work on it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from azure.core.exceptions import ResourceExistsError

from failover.cloud import Cloud
from failover.control import Control
from failover.platform import parse
from failover.settings import Settings
from tests.failover import platforms
from tests.failover.platforms import EAST, WEST
from tests.shipments import servers
from tests.shipments.servers import Identity, Process


@dataclass(frozen=True)
class Storage:
    """`blobs`: region -> endpoint of its account."""

    process: Process
    blobs: dict[str, str]
    home: Path


@pytest.fixture(scope="session")
def storage() -> Iterator[Storage]:
    with servers.folder() as home, pytest.MonkeyPatch.context() as patch:
        servers.certificate(home)
        patch.setenv("SSL_CERT_FILE", str(home / "server.crt"))
        process, port = servers.azurite(home)
        process.start()
        try:
            yield Storage(process, {EAST: f"https://localhost:{port}/east/", WEST: f"https://localhost:{port}/west/"},
                          home)
        finally:
            process.stop()


@pytest_asyncio.fixture
async def cloud(storage: Storage) -> AsyncIterator[Cloud]:
    """Of a platform whose control containers are there and empty."""
    told = platforms.outputs()
    for name, endpoint in storage.blobs.items():
        told["regions"][name]["blobUri"] = endpoint
    made = Cloud(Settings(by="bob"), parse(platforms.encoded(told)), Identity())
    for name in storage.blobs:
        container = made.control(name)
        try:
            await container.create_container()
        except ResourceExistsError:
            async for blob in container.list_blobs():
                await container.delete_blob(blob.name)
    yield made
    await made.close()


@pytest.fixture
def control(cloud: Cloud) -> Control:
    return Control(cloud)
