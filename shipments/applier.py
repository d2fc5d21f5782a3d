"""What becomes of a message of `commands`: applied where the writer is, else kept in the journal for the one that is.

A message can be wrong in any way; nothing dies of it.  Permanent failures go to `commands-poison` with their reason at
once; transient ones are raised, so that the host shows the message again after its visibility time-out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import orjson
import psycopg

from shipments.apply import Stale, effects
from shipments.commands import Command, decode
from shipments.database import is_permanent
from shipments.errors import Refusal
from shipments.journal import HIDDEN, Sender, Writer
from shipments.ledger import Writing
from shipments.lineage import Authority
from shipments.poison import poison
from shipments.settings import BODIES, COMMANDS, JOURNAL
from shipments.standing import Lineage

Changed = Callable[[Command, Sequence[str]], Awaitable[None]]
"""Hears of a command that was applied or refused, and of the shipments that it may have changed."""


class Bodies(Writer, Protocol):
    async def get(self, name: str, container: str = BODIES) -> bytes: ...


class Applier:
    """`queues` and `own` (the database) are those of this region."""

    def __init__(self, authority: Authority, own: Writing, queues: Sender, blobs: Bodies, changed: Changed):
        self._authority, self._own, self._queues, self._blobs = authority, own, queues, blobs
        self._changed = changed

    async def take(self, message: bytes) -> None:
        """Returns when the message may leave `commands`; raises what may pass by itself."""
        lineage = await self._authority.lineage()
        try:
            if lineage is not None:
                await self._apply(message, lineage)
                return
        except Stale:
            pass  # decided otherwise a moment ago: the journal's walker brings it to where it belongs
        await self._queues.put(JOURNAL, message, HIDDEN)

    async def _apply(self, message: bytes, lineage: Lineage) -> None:
        command = None
        try:
            command = decode(message)
            whole = await self._whole(command)
            made = await asyncio.to_thread(effects, whole) if command.body_ref else effects(whole)
            changed = await self._own.apply(whole, made, lineage)
        except Refusal as refusal:
            await self._refuse(message, command, refusal, lineage)
        except psycopg.Error as error:
            if not is_permanent(error):
                raise
            reason = error.diag.message_primary or error
            await self._refuse(message, command, Refusal(f"the database cannot keep it: {reason}"), lineage)
        else:
            await self._changed(command, changed)

    async def _whole(self, command: Command) -> Command:
        """The command with its body, wherever that lies."""
        if command.body_ref is None:
            return command
        try:
            body = orjson.loads(await self._blobs.get(command.body_ref))
        except orjson.JSONDecodeError as error:
            raise Refusal(f"the body {command.body_ref} is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise Refusal(f"the body {command.body_ref} is not a JSON object")
        return command.model_copy(update={"body": body, "body_ref": None})

    async def _refuse(self, message: bytes, command: Command | None, refusal: Refusal, lineage: Lineage) -> None:
        """First the sender's answer, then the poison message: tried again after a failure, neither is there twice."""
        if command:
            await self._own.refuse(command, refusal, lineage)
            await self._changed(command, [])
        await poison(self._queues, self._blobs, COMMANDS, message, refusal.reason)
