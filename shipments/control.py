"""Where the platform stands: the control documents of both regions, read behind every request, once a second.

The newest document decides, whichever region it was found in; the last one known is kept while nothing can be read.
Each region is read by itself, so that a peer that hangs delays nothing here.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shipments.errors import Unavailable
from shipments.settings import CONTROL, Settings
from shipments.standing import Document, State, Unreadable, initial, may_write, newest, probe_ready

INTERVAL, LOOK = 1.0, 1.0
"""Seconds from one look at a region to the next, and that it may take."""
VALIDITY = 3.0
"""Seconds that a view of the other region counts for; who raises an epoch waits this long before promoting."""
START = 2.0
"""Seconds that a new process waits for both regions' documents: one that comes back must not serve by what it had."""

log = logging.getLogger(__name__)


class Reader(Protocol):
    """Reads a blob of the own region's account, or the peer's; None when it is not there.  Raises Unavailable."""

    async def find(self, name: str, container: str, *, peer: bool = False) -> bytes | None: ...


@dataclass(frozen=True)
class ControlState:
    """One service's standing in one region, by the newest document."""

    document: Document
    region: str

    @property
    def service(self) -> str:
        return self.document.service

    @property
    def epoch(self) -> int:
        return self.document.epoch

    @property
    def active_region(self) -> str:
        return self.document.active_region

    @property
    def state(self) -> State:
        return self.document.state_of(self.region)

    @property
    def leaving(self) -> bool:
        """Whether the edge is being led away from here, while everything goes on."""
        return self.document.leaving == self.region

    @property
    def reason(self) -> str:
        return self.document.reason

    @property
    def since(self) -> str:
        return self.document.since


@dataclass(frozen=True)
class View:
    """What a look at one region saw; `at` is when it was begun, by the process's own clock."""

    document: Document
    at: float


def is_serving(known: ControlState, settings: Settings) -> bool:
    """Whether the edge is to send requests here, as far as the state decides."""
    return probe_ready(known.document, known.region, primary_region=settings.primary_region, mode=settings.mode)


def accepts(known: ControlState, settings: Settings) -> bool:
    """Whether this region accepts writes."""
    return may_write(known.document, known.region, primary_region=settings.primary_region)


class Control:
    """The newest documents of the app's own service and of the one that applies commands."""

    def __init__(self, settings: Settings, blobs: Reader, clock: Callable[[], float] = time.monotonic):
        self.settings, self.clock, self._blobs = settings, clock, blobs
        self._known = {name: self._initial(name) for name in (settings.service, settings.writer_service)}
        self._views: dict[tuple[bool, str], View] = {}
        self._wrong: dict[tuple[bool, str], str] = {}
        self._first = {peer: asyncio.Event() for peer in (False, True)}
        self._following: list[asyncio.Task[None]] = []
        self._patient_until = 0.0

    async def open(self) -> None:
        """Starts to read, without waiting."""
        self._patient_until = self.clock() + START
        self._following = [asyncio.create_task(self._follow(peer)) for peer in self._first]

    async def close(self) -> None:
        for task in self._following:
            task.cancel()

    async def current(self) -> ControlState:
        """Where the app's own service stands.  Never raises; waits only while a new process asks for the first time."""
        await self._asked()
        return ControlState(self._known[self.settings.service], self.settings.region)

    async def writer(self) -> Document:
        """The newest decision about the service that applies commands, and so about the database."""
        await self._asked()
        return self.decided

    @property
    def decided(self) -> Document:
        """The same as `writer`, as it is known now."""
        return self._known[self.settings.writer_service]

    @property
    def peer_view(self) -> View | None:
        """The writer's document as the peer region's account showed it last; None before that was seen."""
        return self._views.get((True, self.settings.writer_service))

    async def _asked(self) -> None:
        left = self._patient_until - self.clock()
        waiting = [asyncio.ensure_future(first.wait()) for first in self._first.values() if not first.is_set()]
        if waiting and left > 0:
            await asyncio.wait(waiting, timeout=left)
        for look in waiting:
            look.cancel()

    async def _follow(self, peer: bool) -> None:
        while True:
            begun = self.clock()
            await self._look(peer, begun)
            self._first[peer].set()
            await asyncio.sleep(max(0.0, begun + INTERVAL - self.clock()))

    async def _look(self, peer: bool, at: float) -> None:
        try:
            async with asyncio.timeout(LOOK):
                found = await asyncio.gather(*(
                    self._blobs.find(f"{name}.json", CONTROL, peer=peer) for name in self._known))
        except (Unavailable, TimeoutError):
            return
        for name, blob in zip(self._known, found, strict=True):
            self._take(peer, name, blob, at)

    def _take(self, peer: bool, name: str, blob: bytes | None, at: float) -> None:
        """What is not readable is no view, so its age grows; said once, not every second."""
        region = self.settings.peer_region if peer else self.settings.region
        try:
            document = Document.parse(blob, name, region) if blob is not None else self._initial(name)
        except Unreadable as error:
            if self._wrong.get((peer, name)) != str(error):
                log.error("control/%s.json of %s: %s; the last state is kept", name, region, error)
            self._wrong[peer, name] = str(error)
            return
        self._views[peer, name] = View(document, at)
        known = self._known[name]
        self._known[name] = newest(known, document) if peer else newest(document, known)

    def _initial(self, name: str) -> Document:
        primary, pair = self.settings.primary_region, (self.settings.region, self.settings.peer_region)
        return initial(name, primary, next(region for region in pair if region != primary))
