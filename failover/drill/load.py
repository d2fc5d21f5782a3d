"""What users do while the platform is being broken: open-loop load, so that an answer that is late makes nothing wait.

Every instant, kind and payload follows from the seed; only the ids (Idempotency-Key) are new each time, since the
platform remembers them.
"""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import orjson

from failover.drill import payloads
from failover.drill.client import Client
from failover.drill.history import Attempt

SHIPMENTS = 12
"""Shipments that most of the load is about, so that readers see the same one often."""
PATIENT = 45.0
"""Seconds for which a client repeats a write that was not taken."""
LONGEST_PAUSE = 2.0
OUTSTANDING = 600
SENDERS = 24
STATIC = ("/static/portal.css", "/static/portal.js", "/static/logo.svg")


@dataclass(frozen=True)
class Rates:
    """Requests a second, by kind."""

    track: float = 20
    page: float = 3
    static: float = 3
    events: float = 1
    state: float = 2
    register: float = 2
    comment: float = 6
    capture: float = 2


class Load:
    """Users at work from `start` to `stop`; what they asked and were told is in the client's history."""

    def __init__(self, client: Client, seed: int, rates: Rates = Rates(), *, run: str | None = None):
        """`run`: a name for this run that no earlier one had, part of every tracking number."""
        self.client, self.rates, self.chance = client, rates, random.Random(seed)
        self.run = run or f"D{int(time.time()):X}"
        self.shipments = [f"{self.run}-{place}" for place in range(SHIPMENTS)]
        self.doors: dict[str, float] = {}
        """Region -> share of the writes that go to its own door, past the edge."""
        self.dropped = 0
        """Requests not sent because too many were waiting: the machine that drills is too slow, the figures count
        for less."""
        self._registered = Counter[str]()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._going: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Registers the shipments that the load is about."""
        await asyncio.gather(*(self.write("register", "/api/shipments", name, payloads.registration(name, self.chance))
                               for name in self.shipments))

    def start(self) -> None:
        self._going = asyncio.create_task(self._go())

    async def stop(self) -> None:
        """Sends nothing new, and waits until everything that was sent has ended."""
        if self._going:
            self._going.cancel()
            self._going = None
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=PATIENT)

    async def backlog(self, count: int) -> None:
        """As many comments as fast as they are taken, spread thinly, to fill the queue."""
        left = iter(range(count))

        async def sender() -> None:
            for place in left:
                name = f"{self.run}-B{place % max(1, count // 20)}"
                await self.write("comment", f"/api/shipments/{name}/comments", name)

        await asyncio.gather(*(sender() for _ in range(SENDERS)))

    async def large_capture(self, size: int) -> Attempt:
        """A document with one event of `size` bytes."""
        name, mark = self.chance.choice(self.shipments), str(uuid.uuid4())
        return await self.write("large", "/api/capture", name, payloads.capture(mark, name, self.chance, size), mark)

    async def photo(self, size: int) -> Attempt:
        name = self.chance.choice(self.shipments)
        return await self.write("photo", f"/api/shipments/{name}/photos", name, payloads.photo(self.chance, size))

    async def write(self, kind: str, path: str, shipment: str, body: dict[str, Any] | bytes | None = None,
                    op: str | None = None) -> Attempt:
        """As a good client does it: one key, repeated with pauses until it is taken or patience ends.

        The key is what the command is known by, and the mark that its effect is found by."""
        op, door, until = op or str(uuid.uuid4()), self._door(), time.monotonic() + PATIENT
        body = payloads.comment(op, self.chance) if body is None else body
        content, media = (body, "image/png") if isinstance(body, bytes) else (orjson.dumps(body), "application/json")
        number, pause = 1, 0.25
        while True:
            answer = await self.client.send(kind, path, op=op, method="POST", door=door, number=number, body=content,
                                            media=media, shipment=shipment, headers={"Idempotency-Key": op})
            status = answer.attempt.status
            if status is not None and status < 500 and status != 429:
                return answer.attempt
            pause = min(LONGEST_PAUSE, answer.retry_after or pause * 2)
            if time.monotonic() + pause > until:
                return answer.attempt
            await asyncio.sleep(pause * self.chance.uniform(0.8, 1.2))
            number += 1

    async def _go(self) -> None:
        kinds, weights = zip(*vars(self.rates).items(), strict=True)
        due = time.monotonic()
        while True:
            due += self.chance.expovariate(sum(weights))
            kind = self.chance.choices(kinds, weights)[0]
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if len(self._tasks) >= OUTSTANDING:
                self.dropped += 1
            else:
                self._spawn(self._one(kind))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _one(self, kind: str) -> Coroutine[Any, Any, Any]:
        name = self.chance.choice(self.shipments)
        match kind:
            case "register":
                self._registered[kind] += 1
                name = f"{self.run}-R{self._registered[kind]}"
                return self.write(kind, "/api/shipments", name, payloads.registration(name, self.chance))
            case "comment":
                return self.write(kind, f"/api/shipments/{name}/comments", name)
            case "capture":
                mark = str(uuid.uuid4())
                return self.write(kind, "/api/capture", name, payloads.capture(mark, name, self.chance), mark)
            case "track":
                return self._read(kind, f"/api/shipments/{name}", name)
            case "page":
                return self._read(kind, self.chance.choice(("/", f"/shipments/{name}")))
            case "static":
                return self._read(kind, self.chance.choice(STATIC))
            case "events":
                return self._read(kind, f"/api/events?perPage=5&MATCH_epc=urn:drill:obj:{name}")
            case _:
                return self._read(kind, "/api/state")

    async def _read(self, kind: str, path: str, shipment: str = "") -> None:
        await self.client.send(kind, path, op=str(uuid.uuid4()), shipment=shipment)

    def _door(self) -> str:
        drawn = self.chance.random()
        for region, share in self.doors.items():
            if drawn < share:
                return region
            drawn -= share
        return "edge"
