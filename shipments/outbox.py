"""The outbox: what has happened is told to the subscribers' queues, at least once, whoever is killed when.

A queue message only names outbox rows.  The subscriber deletes them in the transaction that has its effect, so an
effect happens once however often a row is published; rows that no subscriber has taken for a while (their message went
down with a region) are published again.
"""

import asyncio
import logging
from collections import defaultdict
from typing import Any

import orjson

from shipments.database import Connection, Database
from shipments.errors import Unavailable
from shipments.queues import Queues

BATCH = 1000
"""Rows published at once: a thousand numbers are 8 KiB, well below a message's limit."""
COALESCE = 0.1
"""Seconds that a relay waits after a commit, so that one message tells of many."""

log = logging.getLogger(__name__)

DUE = """
update outbox set published_at = now(), published_by = %(region)s where id in (
    select id from outbox where published_at is null order by id limit %(batch)s for update skip locked)
returning id, subscriber
"""
OVERDUE = """
update outbox set published_at = now(), published_by = %(region)s where id in (
    select id from outbox where published_at < now() - interval '10 minutes'
    order by published_at limit %(batch)s for update skip locked)
returning id, subscriber
"""
ELSEWHERE = "update outbox set published_at = null where published_by <> %s"


class Relay:
    """Publishes what is due, soon after `kick`, and whenever `publish` is called."""

    def __init__(self, writer: Database, queues: Queues, region: str):
        self._writer, self._queues, self._region = writer, queues, region
        self._kicked, self._running = asyncio.Event(), None

    def kick(self) -> None:
        """Something was committed just now.  Best effort: a timer publishes what this misses."""
        self._kicked.set()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._follow())

    async def publish(self) -> int:
        """Publishes everything that is due -> how many rows; raises Unavailable, and what was put stays put."""
        total = 0
        for statement in (DUE, OVERDUE):
            while rows := await self._publish(statement):
                total += rows
        return total

    async def take_over(self) -> None:
        """What another region published is due again: its subscribers cannot have their effect any more."""
        await self._writer.run(lambda connection: connection.execute(ELSEWHERE, (self._region,)))

    async def close(self) -> None:
        if self._running:
            self._running.cancel()

    async def _follow(self) -> None:
        while self._kicked.is_set():
            await asyncio.sleep(COALESCE)
            self._kicked.clear()
            try:
                while await self._publish(DUE):
                    pass
            except Unavailable as error:
                log.warning("outbox not published now: %s", error)

    async def _publish(self, statement: str) -> int:
        """The commit that marks the rows comes after the messages: a kill between the two repeats, never loses."""
        async with self._writer.transaction() as connection:
            rows = await (await connection.execute(statement, {"batch": BATCH, "region": self._region})).fetchall()
            by_subscriber: dict[str, list[int]] = defaultdict(list)
            for row_id, subscriber in rows:
                by_subscriber[subscriber].append(row_id)
            await asyncio.gather(*(self._queues.put(subscriber, orjson.dumps({"outbox": row_ids}))
                                   for subscriber, row_ids in by_subscriber.items()))
        return len(rows)


async def take(subscriber: str, effect: str, row_ids: list[int], connection: Connection) -> int:
    """Has a subscriber's effect for the rows that are still there, and takes them away, in one statement.

    `effect` is SQL that reads `taken(payload jsonb)` -> how many rows there were.
    """
    sql = f"""
        with gone as (delete from outbox where id = any(%(ids)s) and subscriber = %(subscriber)s returning payload),
        taken as (select payload from gone), {effect} select count(*) from gone"""
    values: dict[str, Any] = {"ids": row_ids, "subscriber": subscriber}
    row = await (await connection.execute(sql, values)).fetchone()
    return int(row[0]) if row else 0
