"""How fast the worker empties its queue, against a bare receive-and-delete loop on a queue of the same account.

Both get the same messages, hidden until all of them are there, so that filling the queue is no part of the measurement.
"""

import asyncio
import base64
import os
import time
from collections.abc import Awaitable, Callable

import httpx
from azure.identity.aio import ManagedIdentityCredential
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from bench.measure import Figure
from bench.twin_up import Twin
from shipments.commands import AddComment, new_command
from shipments.queues import Transport
from shipments.settings import COMMANDS

MESSAGES, HIDDEN, BATCH, SENDERS = 6000, 60, 32, 16


async def measure(twin: Twin, shipment: str) -> list[Figure]:
    """-> messages/s of the worker and of the bare loop (one receiver, its batch deleted concurrently)."""
    credential = ManagedIdentityCredential()
    async with credential, QueueServiceClient(
        twin.queues(), credential=credential, transport=Transport()
    ) as service:
        bare = service.get_queue_client("bench")
        await bare.create_queue()
        try:
            floor = await _timed(bare, shipment, lambda: _loop(bare))
        finally:
            await bare.delete_queue()
        commands = service.get_queue_client(COMMANDS)
        rate = await _timed(commands, shipment, lambda: _emptied(commands))
    return [Figure("drain: messages/s of the worker", rate, floor, "msg/s", goal=0.7, at_least=True)]


async def _timed(queue: QueueClient, shipment: str, drained: Callable[[], Awaitable[None]]) -> float:
    """Fills the queue with hidden messages, waits until they show, and times how they go."""
    shown = time.monotonic() + HIDDEN
    await _fill(queue, shipment, shown)
    if (left := shown - time.monotonic()) <= 0:
        raise SystemExit(f"filling {MESSAGES} messages took longer than the {HIDDEN} s that they stay hidden")
    await asyncio.sleep(left)
    start = time.monotonic()
    await drained()
    return MESSAGES / (time.monotonic() - start)


async def _fill(queue: QueueClient, shipment: str, shown: float) -> None:
    async def sender(count: int) -> None:
        for _ in range(count):
            body = AddComment(shipment=shipment, author="bench", text="a comment of ordinary length")
            message = base64.b64encode(new_command(body, region="eastus").encode()).decode()
            await queue.send_message(message, visibility_timeout=max(1, int(shown - time.monotonic())), time_to_live=-1)

    await asyncio.gather(*(sender(MESSAGES // SENDERS) for _ in range(SENDERS)))


async def _loop(queue: QueueClient) -> None:
    """What anybody would write first: receive a batch, delete each of it."""
    left = MESSAGES
    while left:
        batch = [message async for message in queue.receive_messages(messages_per_page=BATCH, max_messages=BATCH)]
        await asyncio.gather(*(queue.delete_message(message) for message in batch))
        left -= len(batch)


async def _emptied(queue: QueueClient) -> None:
    while (await queue.get_queue_properties()).approximate_message_count:
        await asyncio.sleep(0.1)


def run(twin: Twin) -> list[Figure]:
    """Every message is a comment on one shipment that is registered first."""
    os.environ.update(twin.environment)
    answer = httpx.post(f"{twin.api}/shipments", json=twin.shipment, headers={"Prefer": "wait=30"}, timeout=40)
    return asyncio.run(measure(twin, answer.json()["id"]))
