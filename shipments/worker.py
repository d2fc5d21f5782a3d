"""What the function app does with its messages.  A message can be wrong in any way; the worker never dies of it.

Permanent failures go to `<queue>-poison` with their reason at once; transient ones are raised, so that the host shows
the message again after its visibility time-out.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self

import orjson
import psycopg
from azure.core.credentials_async import AsyncTokenCredential

from shipments import health, ids, outbox
from shipments.apply import apply, effects, refuse
from shipments.bodies import Blobs
from shipments.cache import Cache
from shipments.commands import Command, decode
from shipments.control import Control, ControlState
from shipments.database import Connection, Database, is_permanent
from shipments.errors import Refusal, Unavailable
from shipments.identity import POSTGRES, REDIS, managed_identity, password
from shipments.models import Dependency
from shipments.queues import LARGEST, Queues
from shipments.settings import COMMANDS, POISON, Settings
from shipments.subscribers import EFFECTS

PATIENCE = 20.0
"""Seconds that a message waits for a connection: nobody waits for the worker, and a message that is given back comes
again only after its visibility time-out, so a new worker's first batch must not fail while its pool opens."""
ROLE_SECONDS = 2.0
"""How long the answer to "is the writer here?" counts."""

log = logging.getLogger(__name__)


class Worker:
    """One per process, in a running event loop: `async with Worker.connect(settings) as worker`."""

    def __init__(self, settings: Settings, credential: AsyncTokenCredential):
        self.settings, self._credential = settings, credential
        token = password(credential, POSTGRES)
        name, user = settings.database_name, settings.database_user
        self.own = Database([settings.database_host], name, user, token, writes=False, size=2)
        self.writer = Database([settings.database_host, settings.database_peer_host], name, user, token,
                               writes=True, size=16, patience=PATIENCE)
        self.cache = Cache(settings.redis_host, settings.redis_user, password(credential, REDIS))
        self.queues, self.peer_queues = Queues(settings.queues, credential), Queues(settings.peer_queues, credential)
        self.blobs = Blobs([settings.blobs, settings.peer_blobs], credential)
        self.relay = outbox.Relay(self.writer, self.queues)
        self._control = Control(settings, self.blobs)
        self._writes_here, self._known_until = False, 0.0

    @classmethod
    def connect(cls, settings: Settings, credential: AsyncTokenCredential | None = None) -> Self:
        """The clients that the settings name; nothing is contacted before `async with`."""
        return cls(settings, credential or managed_identity(settings.client_id))

    async def __aenter__(self) -> Self:
        await asyncio.gather(self.own.open(), self.writer.open(), self.cache.open(), self._control.open())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes every part, whatever another one says: at the loop's end, a pool finds its own tasks cancelled."""
        await asyncio.gather(self.relay.close(), self._control.close())
        await asyncio.gather(*(part.close() for part in (
            self.own, self.writer, self.cache, self.queues, self.peer_queues, self.blobs)), return_exceptions=True)
        await self._credential.close()

    async def control(self) -> ControlState:
        """Where the worker service stands in this region."""
        return await self._control.current()

    async def command(self, message: bytes) -> None:
        """Applies a message of `commands`, or moves it to the region that can; raises what may pass by itself."""
        if not await self.writes_here():
            await self.peer_queues.put(COMMANDS, message)
            return
        command = None
        try:
            command = decode(message)
            whole = await self._whole(command)
            made = await asyncio.to_thread(effects, whole) if command.body_ref else effects(whole)
            changed = await self.writer.run(partial(apply, whole, made))
        except Refusal as refusal:
            await self._refuse(message, command, refusal)
        except psycopg.Error as error:
            if not is_permanent(error):
                raise
            reason = error.diag.message_primary or error
            await self._refuse(message, command, Refusal(f"the database cannot keep it: {reason}"))
        else:
            await self._forget(command, changed)
            self.relay.kick()

    async def told(self, subscriber: str, message: bytes) -> None:
        """A subscriber hears of outbox rows; raises Unavailable for the host to try again."""
        try:
            row_ids = orjson.loads(message)["outbox"]
            if not isinstance(row_ids, list) or not all(type(one) is int and 0 < one < 1 << 63 for one in row_ids):
                raise TypeError("`outbox` is not a list of row numbers")
        except (ValueError, TypeError, KeyError) as error:
            await self._poison(subscriber, message, f"not a message of the relay: {error}")
            return
        await self.writer.run(partial(outbox.take, subscriber, EFFECTS[subscriber], row_ids))

    async def publish(self) -> int:
        """Publishes the outbox where the writer is -> rows published."""
        return await self.relay.publish() if await self.writes_here() else 0

    async def writes_here(self) -> bool:
        """Whether this region's server is the writer; raises Unavailable while no server is."""
        if time.monotonic() >= self._known_until:
            self._writes_here = not await self.own.run(_in_recovery)
            if not self._writes_here:
                await self.writer.run(health.select_one)  # else two standbys would hand messages to each other
            self._known_until = time.monotonic() + ROLE_SECONDS
        return self._writes_here

    async def health(self) -> list[Dependency]:
        """A fresh look at everything that the worker needs, all at once, each for at most a second."""
        return await health.look({
            "database": partial(self.own.run, health.select_one), "cache": self.cache.ping,
            "queues": partial(self.queues.ping, COMMANDS), "blobs": self.blobs.ping})

    async def _whole(self, command: Command) -> Command:
        """The command with its body, wherever that lies."""
        if command.body_ref is None:
            return command
        try:
            body = orjson.loads(await self.blobs.get(command.body_ref))
        except orjson.JSONDecodeError as error:
            raise Refusal(f"the body {command.body_ref} is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise Refusal(f"the body {command.body_ref} is not a JSON object")
        return command.model_copy(update={"body": body, "body_ref": None})

    async def _forget(self, command: Command, changed: list[str]) -> None:
        """The region's cache learns of the change; a Redis that is away has short-lived answers anyway."""
        keys = [f"shipment:{name}" for name in set(changed)]
        await self.cache.drop(keys)
        if command.kind == "capture-events":
            await self.cache.put("events", command.id.encode(), 24 * 3600)

    async def _refuse(self, message: bytes, command: Command | None, refusal: Refusal) -> None:
        """First the sender's answer, then the poison message: tried again after a failure, neither is there twice."""
        if command:
            await self.writer.run(partial(refuse, command, refusal))
            await self._forget(command, [])
        await self._poison(COMMANDS, message, refusal.reason)

    async def _poison(self, queue: str, message: bytes, reason: str) -> None:
        """Keeps the message whole, beside the reason: in the poison message, or in a blob if it does not fit there."""
        log.error("message of %s refused: %s", queue, reason)
        told: dict[str, Any] = {"reason": reason[:2000], "queue": queue, "failedAt": datetime.now(UTC),
                                "message": message.decode(errors="replace")}
        if told["message"].encode() != message or len(orjson.dumps(told)) > LARGEST:
            told["messageRef"] = f"poison/{ids.new_id()}"
            await self.blobs.put(told["messageRef"], message)
            del told["message"]
        await self.queues.put(queue + POISON, orjson.dumps(told))


async def _in_recovery(connection: Connection) -> bool:
    row = await (await connection.execute("select pg_is_in_recovery()")).fetchone()
    if row is None:
        raise Unavailable("the database")
    return bool(row[0])
