"""What the function app does: commands, news for subscribers, the journal's walk; with the clients that these need."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Self

import orjson
from azure.core.credentials_async import AsyncTokenCredential

from shipments import health, outbox, store
from shipments.applier import Applier
from shipments.bodies import Blobs
from shipments.cache import SHIPMENT_SECONDS, Cache
from shipments.commands import Command
from shipments.control import Control, ControlState
from shipments.database import Database
from shipments.errors import Unavailable
from shipments.identity import POSTGRES, REDIS, managed_identity, password
from shipments.ledger import Ledger
from shipments.lineage import Authority
from shipments.models import Dependency
from shipments.poison import poison
from shipments.queues import PEER, Queues
from shipments.settings import COMMANDS, Settings
from shipments.subscribers import EFFECTS
from shipments.walker import Walker

PATIENCE = 20.0
"""Seconds that a message waits for a connection: nobody waits for the worker, and a message that is given back comes
again only after its visibility time-out, so a new worker's first batch must not fail while its pool opens."""
WARM = 500
"""Shipments that a region which takes over puts into its cache: those that changed last are asked for first."""

log = logging.getLogger(__name__)


class Worker:
    """One per process, in a running event loop: `async with Worker.connect(settings) as worker`."""

    def __init__(self, settings: Settings, credential: AsyncTokenCredential):
        self.settings, self._credential = settings, credential
        connect = partial(Database, name=settings.database_name, user=settings.database_user,
                          password=password(credential, POSTGRES))
        self.own = connect([settings.database_host], writes=False, size=3)
        self.writer = connect([settings.database_host], writes=True, size=16, patience=PATIENCE)
        self.peer = connect([settings.database_peer_host], writes=False, size=2, patience=1, longest=1.5)
        self.cache = Cache(settings.redis_host, settings.redis_user, password(credential, REDIS))
        self.queues = Queues(settings.queues, credential)
        self.peer_queues = Queues(settings.peer_queues, credential, PEER)
        self.blobs = Blobs([settings.blobs, settings.peer_blobs], credential)
        self.relay = outbox.Relay(self.writer, self.queues, settings.region)
        self._control = Control(settings, self.blobs)
        ledger = Ledger(self.own, self.writer)
        self._authority = Authority(settings, self._control, ledger)
        self._applier = Applier(self._authority, ledger, self.queues, self.blobs, self._applied)
        self.walker = Walker(settings, self._control, self._authority, ledger, Ledger(self.peer), self.queues,
                             self.peer_queues, self.blobs)
        self._leads: bool | None = None

    @classmethod
    def connect(cls, settings: Settings, credential: AsyncTokenCredential | None = None) -> Self:
        """The clients that the settings name; nothing is contacted before `async with`."""
        return cls(settings, credential or managed_identity(settings.client_id))

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(part.open() for part in (self.own, self.writer, self.peer, self.cache, self._control)))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes every part, whatever another one says: at the loop's end, a pool finds its own tasks cancelled."""
        await asyncio.gather(self.relay.close(), self._control.close())
        await asyncio.gather(*(part.close() for part in (
            self.own, self.writer, self.peer, self.cache, self.queues, self.peer_queues, self.blobs)),
            return_exceptions=True)
        await self._credential.close()

    async def control(self) -> ControlState:
        """Where the worker service stands in this region."""
        return await self._control.current()

    async def command(self, message: bytes) -> None:
        """Applies a message of `commands`, or keeps it for the region that can; raises what may pass by itself."""
        await self._applier.take(message)

    async def walk(self, build: str = "") -> None:
        """Looks at the region's journal once."""
        await self.walker.walk(build)

    async def told(self, subscriber: str, message: bytes) -> None:
        """A subscriber hears of outbox rows; raises Unavailable for the host to try again.  Where the writer is not,
        the message has no effect any more: the region that took over publishes the rows to its own subscribers."""
        try:
            row_ids = orjson.loads(message)["outbox"]
            if not isinstance(row_ids, list) or not all(type(one) is int and 0 < one < 1 << 63 for one in row_ids):
                raise TypeError("`outbox` is not a list of row numbers")
        except (ValueError, TypeError, KeyError) as error:
            await poison(self.queues, self.blobs, subscriber, message, f"not a message of the relay: {error}")
            return
        if await self.writes_here():
            await self.writer.run(partial(outbox.take, subscriber, EFFECTS[subscriber], row_ids))

    async def publish(self) -> int:
        """Publishes the outbox where the writer is -> rows published."""
        leads = await self.writes_here()
        if leads and not self._leads:
            await self.relay.take_over()
            if self._leads is False:
                await self._warm_up()
        self._leads = leads
        return await self.relay.publish() if leads else 0

    async def writes_here(self) -> bool:
        """Whether commands are applied in this region; raises Unavailable while that cannot be told."""
        return await self._authority.lineage() is not None

    async def health(self) -> list[Dependency]:
        """A fresh look at everything that the worker needs, all at once, each for at most a second."""
        return await health.look({
            "database": partial(self.own.run, health.select_one), "cache": self.cache.ping,
            "queues": partial(self.queues.ping, COMMANDS), "blobs": self.blobs.ping})

    async def _applied(self, command: Command, changed: Sequence[str]) -> None:
        """The region's cache learns of the change; a Redis that is away has short-lived answers anyway."""
        await self.cache.drop([f"shipment:{name}" for name in set(changed)])
        if command.kind == "capture-events":
            await self.cache.put("events", command.id.encode(), 24 * 3600)
        self.relay.kick()

    async def _warm_up(self) -> None:
        """Best effort, one after the other: the database has better to do just now."""
        try:
            for name in await self.own.run(partial(store.latest_changed, WARM)):
                await self.cache.fill(f"shipment:{name}", await self.own.run(partial(store.shipment_json, name)),
                                      SHIPMENT_SECONDS)
        except Unavailable as error:
            log.warning("the cache is warmed up by its readers: %s", error)
