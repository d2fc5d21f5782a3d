"""Tracking one shipment with 1,000,000 events stored, against the same with 10,000: it must not feel the others."""

import asyncio
import os
import random
import time
from contextlib import AsyncExitStack
from functools import partial
from unittest.mock import patch

from psycopg import AsyncConnection

from bench.measure import Figure, median
from shipments import migrate, store
from shipments.database import Connection, Database
from tests.shipments import servers

FEW, MANY, EACH, STEP, SAMPLES = 10_000, 1_000_000, 5, 50_000, 1_000
FILL = f"""
with shipment as (
    select n, 'BENCH' || lpad(n::text, 9, '0') as name from generate_series(%(first)s::int, %(last)s::int) n
), event as (
    select name, gen_random_uuid() as key, timestamptz '2026-01-01' + make_interval(mins => n %% 400000 + k * 60)
        as time
    from shipment, generate_series(1, {EACH}) k
), epcis as (
    insert into epcis_events (key, event_id, capture_id, event_type, event_time, action, biz_step, terms, document)
    select key, 'urn:uuid:' || key, gen_random_uuid(), 'ObjectEvent', time, 'OBSERVE', 'departing',
           array['epc:' || name],
           jsonb_build_object('type', 'ObjectEvent', 'action', 'OBSERVE', 'epcList', jsonb_build_array(name))
    from event
)
insert into shipment_events (name, key, kind, time, data)
select name, key, 'observed', time, jsonb_build_object(
    'type', 'ObjectEvent', 'eventID', 'urn:uuid:' || key, 'action', 'OBSERVE', 'bizStep', 'departing') from event
"""


async def _seconds(readers: dict[int, Database]) -> dict[int, float]:
    """Median of tracking shipments at random, in turn in each database, so that the machine's moods hit both."""
    taken: dict[int, list[float]] = {events: [] for events in readers}
    chosen = random.Random(1)
    for _ in range(SAMPLES):
        for events, reader in readers.items():
            name = f"BENCH{chosen.randint(1, events // EACH):09d}"
            start = time.perf_counter()
            found = await reader.run(partial(store.shipment, name))
            taken[events].append(time.perf_counter() - start)
            if not found or len(found.timeline) != EACH:
                raise SystemExit(f"{name} should have {EACH} events: {found}")
    return {events: median(times) for events, times in taken.items()}


async def _fill(events: int, connection: Connection) -> None:
    await connection.execute("set statement_timeout = 0")
    for first in range(1, events // EACH + 1, STEP):
        await connection.execute(FILL, {"first": first, "last": min(first + STEP - 1, events // EACH)})
    await connection.execute("vacuum analyze")


async def measure(database: servers.Postgres) -> list[Figure]:
    """Makes and fills one database of each size in the same server, then asks both in turn."""
    async with await _connect(database, "postgres") as connection:
        for events in (FEW, MANY):
            await connection.execute(f"create database events_{events}")
    readers = {}
    for events in (FEW, MANY):
        async with await _connect(database, f"events_{events}") as connection:
            await migrate.apply(migrate.migrations(), connection)
            await _fill(events, connection)
        readers[events] = Database([database.host], f"events_{events}", servers.APP, _password, writes=False)
    async with AsyncExitStack() as stack:
        for reader in readers.values():
            await reader.open()
            stack.push_async_callback(reader.close)
        taken = await _seconds(readers)
    return [Figure("track: one shipment among 1,000,000 events", taken[MANY] * 1000, taken[FEW] * 1000, "ms", goal=1.2)]


async def _connect(database: servers.Postgres, name: str) -> Connection:
    return await AsyncConnection.connect(
        host="localhost", port=database.port, dbname=name, user=servers.APP, password=servers.PASSWORD, autocommit=True)


async def _password() -> str:
    return servers.PASSWORD


def run() -> list[Figure]:
    """In a database of its own, thrown away at the end."""
    with servers.folder() as home, patch.dict(os.environ, SSL_CERT_FILE=str(home / "server.crt")):
        servers.certificate(home)
        database = servers.Postgres(home, "bench").start()
        try:
            return asyncio.run(measure(database))
        finally:
            database.process.stop()
