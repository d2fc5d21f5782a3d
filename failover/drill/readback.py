"""What became of every command that was sent: asked of the platform through its API, as any client could."""

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from failover.drill.client import Client
from failover.drill.history import WRITES, Attempt, Found

READERS = 16
PAUSE = 0.5
CAPTURES = ("capture", "large")


async def read_back(client: Client, attempts: Iterable[Attempt], within: float = 60.0) -> list[Found]:
    """Asks for the result and the visible effect of each command, again and again until all that were acknowledged are
    applied or `within` seconds are over.  Adds what was found to the history."""
    writes = {attempt.op: attempt for attempt in attempts if attempt.kind in WRITES}
    acknowledged = {attempt.command for attempt in attempts if attempt.acknowledged}
    until, found, open_ = time.monotonic() + within, {}, list(writes.values())
    while open_:
        found |= await _look(client, open_)
        open_ = [write for write in writes.values() if write.op in acknowledged and not _settled(found[write.op])]
        if time.monotonic() + PAUSE > until:
            break
        await asyncio.sleep(PAUSE if open_ else 0)
    for finding in found.values():
        client.history.add(finding)
    return list(found.values())


def _settled(finding: Found) -> bool:
    return finding.status in ("applied", "refused") and (finding.effects > 0 or finding.status == "refused")


async def _look(client: Client, writes: list[Attempt]) -> dict[str, Found]:
    gate = asyncio.Semaphore(READERS)

    async def get(path: str) -> Any:
        async with gate:
            answer = await client.send("readback", path, op="readback", record=False)
        return orjson.loads(answer.body) if answer.attempt.status == 200 else None

    names = sorted({write.shipment for write in writes if write.kind not in CAPTURES})
    captures = [write.op for write in writes if write.kind in CAPTURES]
    shipments, results, events = await asyncio.gather(
        asyncio.gather(*(get(f"/api/shipments/{name}") for name in names)),
        asyncio.gather(*(get(f"/api/commands/{write.op}") for write in writes)),
        asyncio.gather(*(get(f"/api/events?EQ_eventID=urn:uuid:{mark}") for mark in captures)))
    timelines = {name: (shown or {}).get("timeline", []) for name, shown in zip(names, shipments, strict=True)}
    captured = {mark: _events(page) for mark, page in zip(captures, events, strict=True)}
    return {write.op: _finding(write, result, timelines, captured)
            for write, result in zip(writes, results, strict=True)}


def _events(page: dict[str, Any] | None) -> int:
    return len(page["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) if page else 0


def _finding(write: Attempt, result: dict[str, Any] | None, timelines: dict[str, list], captured: dict[str, int]
             ) -> Found:
    applied_at = (result or {}).get("appliedAt")
    if write.kind in CAPTURES:
        effects = captured[write.op]
    else:
        effects = sum(_is_effect(write, entry) for entry in timelines[write.shipment])
    return Found(write.op, write.kind, result["status"] if result else "unknown", effects,
                 datetime.fromisoformat(applied_at).timestamp() if applied_at else None)


def _is_effect(write: Attempt, entry: dict[str, Any]) -> bool:
    """A registration, comment or photo on the timeline, found by what the client put into it or by its own id."""
    match write.kind:
        case "register":
            return entry["kind"] == "registered"
        case "comment":
            return str(entry.get("text", "")).startswith(write.op)
        case _:
            return entry["id"] == write.op and bool(entry.get("photo"))
