"""The cache: right when it can be, never an error, never long in the way."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from azure.core.exceptions import ClientAuthenticationError

from shipments import cache as module
from shipments.cache import CONNECTIONS, Cache
from shipments.service import Shipments
from tests.shipments.conftest import Platform
from tests.shipments.servers import APP, Identity, free_port


async def token() -> str:
    return (await Identity().get_token("redis")).token


@pytest.fixture
async def cache(clean: Platform) -> AsyncIterator[Cache]:
    cache = Cache(clean.settings.redis_host, APP, token)
    await cache.open()
    yield cache
    await cache.close()


async def answer(value: bytes | None, seconds: float = 0) -> bytes | None:
    await asyncio.sleep(seconds)
    return value


async def test_an_answer_is_loaded_once_and_kept(cache: Cache) -> None:
    assert await cache.read_through("k", 10, lambda: answer(b"first")) == b"first", "nothing was there"
    assert await cache.read_through("k", 10, lambda: answer(b"second")) == b"first", "the kept answer is given"


async def test_many_who_ask_at_once_cost_one_load(cache: Cache) -> None:
    loads = []

    async def load() -> bytes:
        loads.append(1)
        return await answer(b"v", 0.1)

    assert await asyncio.gather(*(cache.read_through("k", 10, load) for _ in range(50))) == [b"v"] * 50, (
        "all are answered"
    )
    assert len(loads) == 1, "by the same look into the database"


async def test_more_readers_than_connections_wait_for_one(cache: Cache) -> None:
    await cache.put("k", b"v", 10)
    answers = await asyncio.gather(*(cache.get("k") for _ in range(20 * CONNECTIONS)))
    assert set(answers) == {b"v"}, "a burst neither opens a connection for each nor goes to the database"
    opened = await cache._redis.client_list()
    assert len(opened) <= CONNECTIONS, "that is all the connections that a process opens"


async def test_a_closed_cache_leaves_no_connection_open(clean: Platform) -> None:
    cache = Cache(clean.settings.redis_host, APP, token)
    await cache.open()
    await cache.ping()
    pool = cache._redis.connection_pool
    assert pool._available_connections, "it connected"
    await cache.close()
    assert not any(connection.is_connected for connection in pool._available_connections), "the server is rid of it"


async def test_one_who_leaves_does_not_take_the_answer_from_the_others(cache: Cache) -> None:
    first, second = (asyncio.create_task(cache.read_through("k", 10, lambda: answer(b"v", 0.2))) for _ in range(2))
    await asyncio.sleep(0.1)
    first.cancel()
    assert await second == b"v", "the load goes on"


async def test_a_reader_that_looked_before_a_change_cannot_put_the_old_answer_back(cache: Cache) -> None:
    reading = asyncio.create_task(cache.read_through("k", 10, lambda: answer(b"old", 0.2)))
    await asyncio.sleep(0.1)
    await cache.drop(["k"])
    await reading
    assert await cache.get("k") is None, "the change came between its look and its fill"


async def test_a_failed_load_is_not_kept(cache: Cache) -> None:
    async def fail() -> bytes:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await cache.read_through("k", 10, fail)
    assert await cache.read_through("k", 10, lambda: answer(b"v")) == b"v", "the next one tries again"


async def test_a_redis_that_hangs_delays_one_request_not_all() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    port = free_port()
    server = await asyncio.start_server(hang, "127.0.0.1", port)
    cache = Cache(f"localhost:{port}", APP, token)
    start = time.monotonic()
    await cache.get("k")
    first, start = time.monotonic() - start, time.monotonic()
    for _ in range(100):
        assert await cache.get("k") is None, "nothing can be known"
    assert first < 3, "the first one waits for a time-out"
    assert time.monotonic() - start < 0.1, "the others do not wait at all"
    await cache.close()
    server.close()


async def test_a_redis_that_came_back_is_used_again(
    clean: Platform, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.2)
    await cache.put("k", b"v", 60)
    clean.redis.stop()
    assert await cache.get("k") is None, "it is away"
    clean.redis.start()
    await asyncio.sleep(0.3)
    await cache.put("k", b"again", 60)
    assert await cache.get("k") == b"again", "without a restart of the app"


async def test_without_a_token_the_cache_is_empty_not_an_error(clean: Platform) -> None:
    async def none() -> str:
        raise ClientAuthenticationError("the identity endpoint is away")

    assert await Cache(clean.settings.redis_host, APP, none).get("k") is None, "the database is asked instead"


async def test_without_redis_every_answer_is_still_there(clean: Platform) -> None:
    async with Shipments.connect(replace(clean.settings, redis_host="localhost:1"), Identity()) as shipments:
        assert await shipments.shipment("TN-000001") is None, "read from the database"
        health = {entry.name: entry.ok for entry in await shipments.health()}
    assert health == {"database": True, "cache": False, "queues": True, "blobs": True}, "health tells what is missing"


async def test_a_new_token_renews_the_connections(
    clean: Platform, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEWAL", 0.1)
    await cache.close()
    await cache.open()
    await cache.put("k", b"v", 60)
    await asyncio.sleep(0.5)
    assert await cache.get("k") == b"v", "it signed in again without anybody noticing"
