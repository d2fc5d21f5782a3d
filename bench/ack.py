"""What it costs a writer that a command is kept in both regions, against a single enqueue of the same command in the
own one, in turn, with no distance between the regions and with that between the coasts."""

import asyncio
import os
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack, ExitStack
from unittest.mock import patch

from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from bench.measure import Figure, median
from bench.relay import delayed
from shipments.bodies import Blobs
from shipments.commands import AddComment, new_command
from shipments.control import Control
from shipments.journal import Journal
from shipments.queues import PEER, Queues, Transport
from shipments.settings import COMMANDS, CONTROL, JOURNAL, Settings
from tests.shipments import servers
from tests.shipments.servers import Identity

SAMPLES, WARM_UP = 400, 40
ROUND_TRIP = 0.065
"""Seconds between East US and West US and back
(https://learn.microsoft.com/azure/networking/azure-network-latency)."""
TOLERANCE = 1.1
"""Of one enqueue and one round trip: a local machine's timers and scheduling are part of what is measured."""


async def measure(settings: Settings) -> tuple[float, float]:
    """Seconds of an acknowledgement in both regions, and of a single enqueue, in turn (medians)."""
    async with AsyncExitStack() as stack:
        queues, peer = Queues(settings.queues, Identity()), Queues(settings.peer_queues, Identity(), PEER)
        blobs = Blobs([settings.blobs, settings.peer_blobs], Identity())
        control = Control(settings, blobs)
        for part in (queues, peer, blobs, control):
            stack.push_async_callback(part.close)
        await _prepared(settings)
        await control.open()
        await control.current()
        journal, both, single = Journal(settings, control, queues, peer, blobs), [], []
        for _ in range(SAMPLES + WARM_UP):
            body = AddComment(shipment="TN-000001", author="bench", text="a comment of ordinary length")
            command = new_command(body, region=settings.region)
            single.append((await _timed(queues.put(COMMANDS, command.encode())))[0])
            seconds, kept = await _timed(journal.accept(command))
            both += [seconds] if kept == "two-regions" else []
        if len(both) < 0.9 * len(single):
            raise SystemExit(f"only {len(both)} of {len(single)} commands were kept in both regions, "
                             f"which is not what is to be measured: {journal.promise()}")
        return median(both[WARM_UP:]), median(single[WARM_UP:])


async def _timed(work: Awaitable[object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = await work
    return time.perf_counter() - start, result


async def _prepared(settings: Settings) -> None:
    for queues, blobs in ((settings.queues, settings.blobs), (settings.peer_queues, settings.peer_blobs)):
        async with QueueServiceClient(queues, credential=Identity(), transport=Transport()) as service:
            existing = {queue.name async for queue in service.list_queues()}
            for name in {COMMANDS, JOURNAL} - existing:
                await service.create_queue(name)
        async with BlobServiceClient(blobs, credential=Identity(), transport=Transport()) as service:
            if not await service.get_container_client(CONTROL).exists():
                await service.create_container(CONTROL)


def run() -> list[Figure]:
    """On storage accounts of its own, a server for each region."""
    with servers.folder() as home, patch.dict(os.environ, SSL_CERT_FILE=str(home / "server.crt")), ExitStack() as stack:
        servers.certificate(home)
        ports = []
        for _ in servers.ACCOUNTS:
            process, blob_port = servers.azurite(home)
            stack.callback(process.start().stop)
            ports.append((process.port, blob_port))
        figures = []
        for round_trip in (0.0, ROUND_TRIP):
            with delayed(ports[1][0], round_trip) as queues, delayed(ports[1][1], round_trip) as blobs:
                both, single = asyncio.run(measure(_settings(ports[0], (queues, blobs))))
            figures.append(Figure(f"ack: in both regions, {round_trip * 1000:.0f} ms apart", both * 1000,
                                  (single + round_trip) * 1000, "ms", goal=TOLERANCE if round_trip else 1.3))
        return figures


def _settings(own: tuple[int, int], peer: tuple[int, int]) -> Settings:
    own_account, peer_account = servers.ACCOUNTS
    return Settings(
        service="api", region="eastus", peer_region="westus", primary_region="eastus", client_id="",
        queues=f"https://localhost:{own[0]}/{own_account}/", peer_queues=f"https://localhost:{peer[0]}/{peer_account}/",
        blobs=f"https://localhost:{own[1]}/{own_account}/", peer_blobs=f"https://localhost:{peer[1]}/{peer_account}/",
        redis_host="", redis_user="", database_host="", database_peer_host="", database_name="", database_user="")
