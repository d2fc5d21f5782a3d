"""The two-region journal, accepting side: a command is acknowledged when it is durable in as many places as promised.

It goes into the own region's `commands` and, at the same time, into the other region's `journal`, from which it is let
go only when both regions' databases hold it (`walker.py`).  Where the other region cannot be relied on, the copy stays
in the own `journal`, whose walker passes it on later.
"""

import asyncio
from dataclasses import replace
from typing import Protocol

import orjson

from shipments.bodies import Where
from shipments.commands import Command
from shipments.control import VALIDITY, Control
from shipments.errors import NotInBoth, Unavailable
from shipments.models import Kept, Promise
from shipments.queues import LARGEST
from shipments.settings import BODIES, COMMANDS, JOURNAL, Settings

HIDDEN = 3
"""Seconds that an entry is hidden at first: most commands are applied and replicated by then, so one look suffices."""
PAUSE = 2.0
"""Seconds that the other region's queues are left alone after they failed; then one request tries them."""


class Sender(Protocol):
    """A region's queues, for putting; raises Unavailable."""

    async def put(self, queue: str, message: bytes, hidden: int = 0) -> None: ...


class Writer(Protocol):
    """Both regions' blob accounts, for putting; raises Unavailable when it is in neither."""

    async def put(self, name: str, body: bytes, container: str = BODIES, *, peer: bool = True,
                  media_type: str = "application/json") -> Where: ...


class Journal:
    """Keeps what is accepted; `queues` are the own region's."""

    def __init__(self, settings: Settings, control: Control, queues: Sender, peer_queues: Sender, blobs: Writer):
        self._settings, self._control = settings, control
        self._queues, self._peer_queues, self._blobs = queues, peer_queues, blobs
        self._failed, self._next_try = False, 0.0

    def promise(self) -> Promise:
        """What a write would be answered now."""
        promise = promised(self._control)
        if promise.durability == "two-regions" and self._failed:
            return replace(promise, durability="one-region", reason="the other region's queues did not answer just now")
        return promise

    async def accept(self, command: Command) -> Kept:
        """Durable when it returns, in as many regions as it says.  Raises Unavailable."""
        both, order = self._tries_both(), self._control.decided.order
        message = command.encode()
        if len(message) > LARGEST:
            reference = f"{command.id}-{command.digest}.json"  # two requests with one id must not share a body
            where = await self._blobs.put(reference, orjson.dumps(command.body), peer=both)
            message = command.model_copy(update={"body": None, "body_ref": reference}).encode()
            both = both and self._in_both(where)
        if "journal" in self._settings.journal_without:
            await self._queues.put(COMMANDS, message)
            return self.promise().durability
        return await (self._keep_in_both(message, order) if both else self._keep_here(message))

    async def keep_blob(self, name: str, content: bytes, container: str, media_type: str) -> Kept:
        """The same for a blob.  Raises Unavailable."""
        both, order = self._tries_both(), self._control.decided.order
        where = await self._blobs.put(name, content, container, peer=both, media_type=media_type)
        return "two-regions" if both and self._in_both(where) and self._holds(order) else "one-region"

    async def _keep_in_both(self, message: bytes, order: tuple[int, str]) -> Kept:
        """The view is looked at again after the last put: what operators decided meanwhile counts.  In a new epoch, the
        first copy may be in a database already that has been left behind."""
        _, there = await asyncio.gather(self._queues.put(COMMANDS, message), self._put_there(message))
        if there and self._holds(order):
            return "two-regions"
        self._check_policy()
        await self._queues.put(JOURNAL, message, HIDDEN)
        return "one-region"

    async def _keep_here(self, message: bytes) -> Kept:
        await asyncio.gather(self._queues.put(COMMANDS, message), self._queues.put(JOURNAL, message, HIDDEN))
        return "one-region"

    async def _put_there(self, message: bytes) -> bool:
        """Where the other region applies commands, its walker is to see this one at once."""
        applies_there = self._control.decided.active_region == self._settings.peer_region
        try:
            await self._peer_queues.put(JOURNAL, message, 0 if applies_there else HIDDEN)
        except Unavailable:
            self._failed, self._next_try = True, self._control.clock() + PAUSE
            return False
        self._failed = False
        return True

    def _holds(self, order: tuple[int, str] | None = None) -> bool:
        """Whether two regions can be promised, still in the epoch of that order."""
        return promised(self._control).durability == "two-regions" and order in (None, self._control.decided.order)

    def _tries_both(self) -> bool:
        """Whether to try the other region; raises NotInBoth when the policy asks for it and it cannot be used."""
        both, now = self._holds(), self._control.clock()
        if both and self._failed:
            both = now >= self._next_try
            if both:
                self._next_try = now + PAUSE
        if not both:
            self._check_policy()
        return both

    def _in_both(self, where: Where) -> bool:
        both = where.own and where.peer
        if not both:
            self._check_policy()
        return both

    def _check_policy(self) -> None:
        if self._settings.durability == "strict":
            reason = self.promise().reason or f"{self._settings.peer_region} did not take it"
            raise NotInBoth(f"every write is kept in both regions or refused (durability: strict), and {reason}")


def promised(control: Control) -> Promise:
    """Two regions only on a fresh view: the other region shows the epoch and the lineage that are known here, and both
    queue accounts are where they belong, so that one of two copies outlives either region."""
    known, view, settings = control.decided, control.peer_view, control.settings
    if view is None:
        return Promise("one-region", f"{settings.peer_region} was not seen yet")
    seen, age = view.document, control.clock() - view.at
    moved = [region for region in (settings.region, settings.peer_region)
             if not (known.queues_at_home(region) and seen.queues_at_home(region))]
    if age >= VALIDITY:
        reason = f"{settings.peer_region} was last seen {age:.0f} seconds ago"
    elif (seen.order, seen.lineage) != (known.order, known.lineage):
        reason = f"{settings.peer_region} shows epoch {seen.epoch}, {settings.region} knows of {known.epoch}"
    elif moved:
        reason = f"the queues of {' and '.join(moved)} are not in their own region since a storage failover"
    else:
        return Promise("two-regions", "", age)
    return Promise("one-region", reason, age)
