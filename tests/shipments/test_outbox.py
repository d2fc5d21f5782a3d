"""The outbox: subscribers hear of everything, and each effect happens once, whoever is killed when."""

import asyncio
from dataclasses import replace
from unittest.mock import AsyncMock

import pytest

from shipments.commands import AddComment, CaptureEvents
from shipments.errors import Unavailable
from shipments.service import Shipments
from shipments.worker import Worker
from tests.shipments.conftest import Platform, redis_of
from tests.shipments.documents import document, event
from tests.shipments.servers import Identity
from tests.shipments.test_worker import registration

SUBSCRIBERS = ("statistics", "notifications", "photos")


async def hear(worker: Worker, platform: Platform, times: int = 1) -> None:
    """Every subscriber's queue trigger, each message `times` times over."""
    for subscriber in SUBSCRIBERS:
        for message in await platform.queue(subscriber).take():
            for _ in range(times):
                await worker.told(subscriber, message)


async def test_what_happened_reaches_every_subscriber_once(
    worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    for body in (
        registration(),
        AddComment(shipment="TN-000001", author="Ada", text="See", photo="a.jpg"),
        CaptureEvents(document=document(event())),
    ):
        await worker.command(shipments.command(body).encode())
    await asyncio.sleep(0.5)
    await hear(worker, clean, times=2)
    assert await clean.rows("select count(*) from notifications") == [(3,)], "one for each thing that happened"
    statistics = await clean.rows("select status, sum(shipments)::int from statistics group by 1 order by 1")
    assert statistics == [("in_transit", 1), ("registered", 1)], "a shipment counts once for each state and day"
    assert await clean.rows("select shipment, blob from photos") == [("TN-000001", "a.jpg")], "the photo is on record"
    assert await clean.rows("select from outbox") == [], "nothing is left to tell"


async def test_a_worker_killed_after_the_commit_has_its_news_published_by_the_next(
    worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    worker.relay.kick = lambda: None
    await worker.command(shipments.command(registration()).encode())
    assert await clean.queue("statistics").take() == [], "killed before it published"
    assert await worker.publish() == 2, "the timer finds the rows that the commit left"
    await hear(worker, clean)
    assert await clean.rows("select shipments::int from statistics") == [(1,)], "and the subscribers hear of them"


async def test_a_relay_killed_before_its_commit_publishes_again(
    worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    worker.relay.kick = lambda: None
    await worker.command(shipments.command(registration()).encode())
    put = worker.queues.put

    async def put_and_die(queue: str, message: bytes) -> None:
        await put(queue, message)
        raise Unavailable("the rest of this process")

    worker.queues.put = put_and_die
    with pytest.raises(Unavailable):
        await worker.publish()
    worker.queues.put = put
    assert await worker.publish() == 2, "the rows were not marked, so they are published again"
    await hear(worker, clean)
    assert await clean.rows("select shipments::int from statistics") == [(1,)], "told twice, counted once"


async def test_news_whose_message_was_lost_are_published_again(
    worker: Worker, shipments: Shipments, clean: Platform
) -> None:
    worker.relay.kick = lambda: None
    await worker.command(shipments.command(registration()).encode())
    await worker.publish()
    await clean.queue("statistics").take()
    assert await worker.publish() == 0, "published just now"
    async with await clean.connect() as connection:
        await connection.execute("update outbox set published_at = now() - interval '11 minutes'")
    assert await worker.publish() == 2, "no subscriber took them, so their message went down with a region"


@pytest.mark.parametrize(
    "message",
    [b"{", b"[]", b'{"outbox": 7}', b'{"outbox": ["1"]}', b'{"outbox": [99999999999999999999]}', b'{"outbox": [true]}'],
)
async def test_a_message_that_is_not_the_relays_goes_to_poison(message: bytes, worker: Worker, clean: Platform) -> None:
    await worker.told("statistics", message)
    (told,) = await clean.queue("statistics-poison").json()
    assert "not a message of the relay" in told["reason"], "whoever looks into the poison queue reads why"


async def test_a_region_that_takes_over_publishes_again_and_warms_its_cache(
    worker: Worker, shipments: Shipments, clean: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.relay.kick = lambda: None
    await worker.command(shipments.command(registration()).encode())
    await worker.publish()
    for message in await clean.queue("notifications").take():
        await worker.told("notifications", message)
    assert len(await clean.queue("statistics").take()) == 1, "this message goes down with East"
    async with redis_of(clean) as redis:
        await redis.flushall()
    async with Worker.connect(replace(clean.settings, region="westus", peer_region="eastus"), Identity()) as west:
        monkeypatch.setattr(west, "writes_here", AsyncMock(side_effect=[False, True, True]))
        assert [await west.publish() for _ in range(3)] == [0, 1, 0], "East's message cannot have its effect any more"
    async with redis_of(clean) as redis:
        assert await redis.get("shipment:TN-000001"), "what changed last is asked for first"
