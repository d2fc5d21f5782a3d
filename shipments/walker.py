"""The two-region journal, letting go: a timer walks the region's `journal` with the SDK, since a queue trigger cannot
say "not yet".

An entry leaves only when both regions' databases, each of the lineage in force, hold its command.  Until then it is
looked at again and again: where commands are applied, one that the database does not hold is put into `commands` once
more, whoever accepted it; one that was accepted here is passed on to the other region's journal, in case it was kept
here alone.  Everything may happen twice, at once, or be cut off anywhere: applying is idempotent, letting go is last.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import orjson

from shipments.applier import Bodies
from shipments.commands import Command, decode
from shipments.control import VALIDITY, Control
from shipments.errors import Refusal, Unavailable
from shipments.journal import HIDDEN, Sender
from shipments.ledger import Holding
from shipments.lineage import Authority
from shipments.poison import poison
from shipments.queues import Entry
from shipments.report import Known, Report
from shipments.settings import BODIES, COMMANDS, CONTROL, JOURNAL, PHOTOS, Settings
from shipments.standing import Document

BATCH, BUDGET = 32, 4.0
"""Entries of a look (a queue gives no more at once), and seconds of a walk, so that its report is never old."""
HIDE, HIDE_LONG = 10, 30
"""Seconds until an entry is looked at again, and while the other region's database does not answer."""
FULL = 2000
"""Messages in `commands` above which nothing is put into it again: they would be put a second time before the first is
taken."""
MINE, THEIRS = 2, 8
"""How often an entry of this region, or of the other one, was received when it is passed on to the other region's
journal: normally it is let go the first time.  Counted, not timed: the regions' clocks may differ."""
AGAIN = 3600.0
"""Seconds until it is passed on again, should the other region have lost it."""

log = logging.getLogger(__name__)


class Queue(Sender, Protocol):
    """The own region's queues; raises Unavailable."""

    async def receive(self, queue: str, count: int, hidden: int) -> list[Entry]: ...

    async def delete(self, queue: str, entry: Entry) -> None: ...

    async def length(self, queue: str) -> int: ...


class Copies(Bodies, Protocol):
    async def copy_to_peer(self, name: str, container: str = BODIES) -> None: ...


@dataclass
class Walk:
    """What one walk goes by."""

    applies_here: bool
    room: int
    peer_answers: bool
    relays: bool


class Walker:
    """Walks one region's journal; several at once do no harm."""

    def __init__(self, settings: Settings, control: Control, authority: Authority, own: Holding, peer: Holding,
                 queues: Queue, peer_queues: Sender, blobs: Copies, clock: Callable[[], float] = time.monotonic):
        self._settings, self._control, self._authority, self._clock = settings, control, authority, clock
        self._own, self._peer = own, peer
        self._queues, self._peer_queues, self._blobs = queues, peer_queues, blobs
        self._relayed: dict[str, float] = {}
        self._peer_answered, self._walking = True, asyncio.Lock()
        self.report = Report(settings, clock)

    async def walk(self, build: str = "") -> None:
        """Looks once at every entry that shows, then tells what is left.  Raises Unavailable when the region's own
        queues are away; returns at once while this process walks already."""
        if self._walking.locked():
            return
        async with self._walking:
            begun, complete = datetime.now(UTC), await self._walk()
            self.report.walked(begun, await self._queues.length(JOURNAL), complete)
            await self._tell(build)

    async def _walk(self) -> bool:
        """-> whether nothing was left to look at."""
        view, until = self._control.peer_view, self._clock() + BUDGET
        applies_here = await self._applies_here()
        walk = Walk(applies_here, await self._room() if applies_here else 0, True,
                    view is not None and self._clock() - view.at < VALIDITY)
        had_room = walk.room > 0
        while self._clock() < until:
            if not (batch := await self._queues.receive(JOURNAL, BATCH, HIDE if self._peer_answered else HIDE_LONG)):
                return True
            await self._look(walk, batch)
            if had_room and walk.room <= 0:
                return False  # the rest shows in the next walk, when there may be room again
        return False

    async def _applies_here(self) -> bool:
        try:
            return await self._authority.lineage() is not None
        except Unavailable:
            return False

    async def _room(self) -> int:
        return FULL - await self._queues.length(COMMANDS)

    async def _look(self, walk: Walk, batch: Sequence[Entry]) -> None:
        found = [(entry, command) for entry in batch if (command := await self._readable(entry))]
        document, ids = self._control.decided, [command.id for _, command in found]
        own, peer = await asyncio.gather(self._held_here(ids, document), self._held_there(walk, ids, document))
        done = await asyncio.gather(*(self._decide(walk, entry, command, own, peer) for entry, command in found),
                                    return_exceptions=True)
        for error in done:
            if isinstance(error, Unavailable):
                log.warning("an entry of the journal stays for now: %s", error)
            elif error:
                raise error

    async def _decide(self, walk: Walk, entry: Entry, command: Command, own: frozenset[str] | None,
                      peer: frozenset[str] | None) -> None:
        """`own`, `peer`: what each database holds; None when it does not count or does not answer."""
        if self._may_leave(walk, command.id in (own or ()), command.id in (peer or ())):
            await self._queues.delete(JOURNAL, entry)
            self.report.left(entry.id)
            self._relayed.pop(command.id, None)
            return
        self.report.stays(entry.id, Known(command.accepted_at, command.epoch, self._clock()))
        if walk.applies_here and own is not None and command.id not in own and walk.room > 0:
            walk.room -= 1
            await self._queues.put(COMMANDS, entry.message)
        if command.id not in (peer or ()) and self._is_to_relay(walk, entry, command):
            await self._relay(walk, entry, command)

    def _may_leave(self, walk: Walk, in_own: bool, in_peer: bool) -> bool:
        if "let-go-late" in self._settings.journal_without:
            return in_own if walk.applies_here else in_peer
        return in_own and in_peer

    async def _held(self, ledger: Holding, ids: list[str], document: Document) -> frozenset[str] | None:
        look = await ledger.look(ids)
        return look.held if self._authority.counts(look, document) else None

    async def _held_here(self, ids: list[str], document: Document) -> frozenset[str] | None:
        try:
            return await self._held(self._own, ids, document)
        except Unavailable:
            return None

    async def _held_there(self, walk: Walk, ids: list[str], document: Document) -> frozenset[str] | None:
        """A database that did not answer is not asked again in this walk."""
        try:
            held = await self._held(self._peer, ids, document) if walk.peer_answers else None
            self._peer_answered = walk.peer_answers
            return held
        except Unavailable:
            walk.peer_answers = self._peer_answered = False
            return None

    def _is_to_relay(self, walk: Walk, entry: Entry, command: Command) -> bool:
        mine = command.region == self._settings.region
        return (walk.relays and entry.dequeued >= (MINE if mine else THEIRS) and (mine or not walk.applies_here)
                and self._clock() >= self._relayed.get(command.id, float("-inf")) + AGAIN)

    async def _relay(self, walk: Walk, entry: Entry, command: Command) -> None:
        """What the message refers to is there before it."""
        try:
            await self._copy(command)
            await self._peer_queues.put(JOURNAL, entry.message, HIDDEN if walk.applies_here else 0)
        except Unavailable:
            walk.relays = False
            raise
        self._relayed[command.id] = self._clock()

    async def _copy(self, command: Command) -> None:
        references = [(command.body_ref, BODIES), ((command.body or {}).get("photo"), PHOTOS)]
        for name, container in references:
            if name:
                try:
                    await self._blobs.copy_to_peer(name, container)
                except Refusal as refusal:
                    log.error("command %s is passed on without what it refers to: %s", command.id, refusal)

    async def _readable(self, entry: Entry) -> Command | None:
        """The entry's command; what is none goes to `journal-poison`."""
        try:
            return decode(entry.message)
        except Refusal as refusal:
            await poison(self._queues, self._blobs, JOURNAL, entry.message, refusal.reason)
            await self._queues.delete(JOURNAL, entry)
            return None

    async def _tell(self, build: str) -> None:
        """Operators read it beside the control documents; a report that cannot be written is a report that is old."""
        try:
            look = await self._own.look()
        except Unavailable:
            look = None
        told = self.report.told(look, self._control.decided, self._peer_answered) | {"build": build}
        name = f"{self._settings.writer_service}.journal.json"
        await self._blobs.put(name, orjson.dumps(told), CONTROL, peer=False)
