"""The domain's front door: what the portal asks of it.

    async with Shipments.connect(Settings.from_environment()) as shipments:
        accepted = await shipments.submit(shipments.command(RegisterShipment(…), key=idempotency_key))
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Self
from uuid import UUID

import orjson
from azure.core.credentials_async import AsyncTokenCredential
from pydantic import TypeAdapter

from shipments import health, ids, store
from shipments.bodies import Blobs
from shipments.cache import ELSEWHERE_SECONDS, SHIPMENT_SECONDS, Cache
from shipments.commands import Body, Command, new_command
from shipments.control import Control, ControlState
from shipments.database import Connection, Database
from shipments.errors import Refusal
from shipments.eventquery import EventQuery
from shipments.identity import POSTGRES, REDIS, managed_identity, password
from shipments.journal import Journal
from shipments.models import (
    Accepted,
    CaptureJob,
    CaptureJobPage,
    CommandResult,
    Dependency,
    EventPage,
    Kept,
    Promise,
    Shipment,
)
from shipments.queues import PEER, Queues
from shipments.settings import COMMANDS, PHOTOS, Settings
from shipments.standing import Document

EVENTS_SECONDS, RESULT_SECONDS, ACCEPTED_SECONDS = 2, 3600, 24 * 3600
"""How long other answers are kept."""
_JOBS = TypeAdapter(CaptureJobPage)
RECENT = timedelta(hours=1)
"""Age up to which an id that nobody has heard of, but that carries its time, counts as accepted in the other region."""


class Shipments:
    """Queries and commands.  What does not answer in time raises `errors.Unavailable`, and nothing else."""

    def __init__(self, settings: Settings, credential: AsyncTokenCredential):
        self.settings, self._credential = settings, credential
        self.cache = Cache(settings.redis_host, settings.redis_user, password(credential, REDIS))
        self.reader = Database([settings.database_host], settings.database_name, settings.database_user,
                               password(credential, POSTGRES), writes=False)
        self.queues, self.peer_queues = Queues(settings.queues, credential), Queues(settings.peer_queues, credential,
                                                                                    PEER)
        self.blobs = Blobs([settings.blobs, settings.peer_blobs], credential)
        self._control = Control(settings, self.blobs)
        self._journal = Journal(settings, self._control, self.queues, self.peer_queues, self.blobs)

    @classmethod
    def connect(cls, settings: Settings, credential: AsyncTokenCredential | None = None) -> Self:
        """The clients that the settings name, inside a running event loop; nothing is contacted before `async with`."""
        return cls(settings, credential or managed_identity(settings.client_id))

    async def __aenter__(self) -> Self:
        await asyncio.gather(self.reader.open(), self.cache.open(), self._control.open())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._control.close()
        await asyncio.gather(*(part.close() for part in (
            self.reader, self.cache, self.queues, self.peer_queues, self.blobs)))
        await self._credential.close()

    async def control(self) -> ControlState:
        """Where this service stands in this region."""
        return await self._control.current()

    async def writer(self) -> Document:
        """The newest decision about the service that applies commands."""
        return await self._control.writer()

    def promise(self) -> Promise:
        """What a write would be answered now."""
        return self._journal.promise()

    def command(self, body: Body, key: str | None = None) -> Command:
        """The envelope of a request accepted here and now, in the writer's epoch; `key` is the request's
        `Idempotency-Key`."""
        return new_command(body, region=self.settings.region, epoch=self._control.decided.epoch, key=key)

    async def submit(self, command: Command) -> Accepted:
        """Makes the command durable, in both regions if possible.  Raises Unavailable when that cannot be done now, and
        Refusal for an id (that is, an `Idempotency-Key`) that was given to another command."""
        noted = await self._note(command)
        kept, _ = await asyncio.gather(self._journal.accept(command),
                                       self.cache.put(f"accepted:{command.id}", noted, ACCEPTED_SECONDS))
        return Accepted(command.id, kept, _shipment_of(command))

    async def put_photo(self, content: bytes, media_type: str) -> tuple[str, Kept]:
        """Keeps a photo in both regions -> its name, which is its content's, and in how many it is.  Raises
        Unavailable."""
        name = f"{hashlib.sha256(content).hexdigest()[:40]}.{media_type.rpartition('/')[2]}"
        return name, await self._journal.keep_blob(name, content, PHOTOS, media_type)

    async def photo(self, name: str) -> bytes:
        """From whichever region has it; raises Refusal when both say that they have not, Unavailable else."""
        return await self.blobs.get(name, PHOTOS)

    async def shipment(self, name: str) -> Shipment | None:
        """By tracking number or SSCC in any spelling; raises InvalidId for what is neither."""
        found = await self.shipment_json(name)
        return Shipment.model_validate_json(found) if found else None

    async def shipment_json(self, name: str) -> bytes | None:
        """The same as ready JSON: with a warm cache, one GET."""
        name = ids.shipment_id(name)
        applied_here = self._control.decided.active_region == self.settings.region
        found = await self.cache.read_through(
            f"shipment:{name}", SHIPMENT_SECONDS if applied_here else ELSEWHERE_SECONDS,
            partial(self.reader.run, partial(store.shipment_json, name)))
        return None if found == store.UNKNOWN else found

    async def result(self, command_id: str, wait: float = 0) -> CommandResult | None:
        """What became of a command, waiting up to `wait` seconds for it; None for an id that is not known."""
        try:
            command_id = str(UUID(command_id))
        except ValueError:
            return None
        until, pause = time.monotonic() + wait, 0.02
        while True:
            found = await self.cache.read_through(f"result:{command_id}", RESULT_SECONDS, partial(
                self.reader.run, partial(_result_json, command_id)))
            if found:
                return CommandResult.model_validate_json(found)
            if time.monotonic() + pause > until:
                return await self._accepted(command_id)
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, 0.25)

    async def capture_job(self, capture_id: str, wait: float = 0) -> CaptureJob | None:
        """The capture job of that id; None when no capture has it."""
        result = await self.result(capture_id, wait)
        return store.capture_job(result) if result and result.kind in (None, "capture-events") else None

    async def capture_jobs(self, per_page: int = 30, page_token: str | None = None) -> CaptureJobPage:
        """Finished capture jobs, newest first; raises Refused for a token that is not ours."""
        found = await self._page(["captures", per_page, page_token], partial(_jobs_json, per_page, page_token))
        return _JOBS.validate_json(found)

    async def events(self, query: EventQuery) -> EventPage:
        """Raises Refused for a page token that is not ours."""
        return EventPage(**orjson.loads(await self._page(store.statement(query), partial(_events_json, query))))

    async def health(self) -> list[Dependency]:
        """A fresh look at everything that the app needs, all at once, each for at most a second."""
        return await health.look({
            "database": partial(self.reader.run, health.select_one), "cache": self.cache.ping,
            "queues": partial(self.queues.ping, COMMANDS), "blobs": self.blobs.ping})

    async def _page(self, asked: Sequence[Any], load: Callable[[Connection], Awaitable[bytes]]) -> bytes:
        """The kept answer to what is asked, else what `load` finds; the worker makes those before a capture old."""
        generation = await self.cache.get("events") or b"0"
        digest = hashlib.sha256(orjson.dumps(asked, default=str)).hexdigest()
        found = await self.cache.read_through(f"events:{generation.decode()}:{digest}", EVENTS_SECONDS, partial(
            self.reader.run, load))
        return found or b""

    async def _note(self, command: Command) -> bytes:
        """What is remembered of an accepted command until it is applied."""
        earlier = await self.cache.get(f"accepted:{command.id}")
        if earlier and orjson.loads(earlier)["digest"] != command.digest:
            raise Refusal("this Idempotency-Key was given to another request; use a new one for a new request")
        return orjson.dumps({"kind": command.kind, "acceptedAt": command.accepted_at, "digest": command.digest})

    async def _accepted(self, command_id: str) -> CommandResult | None:
        """A command that is not applied yet: noted by this region, else young enough to come from the other one."""
        if noted := await self.cache.get(f"accepted:{command_id}"):
            known = orjson.loads(noted)
            return CommandResult(id=command_id, status="accepted", kind=known["kind"], accepted_at=known["acceptedAt"])
        made = ids.created_at(command_id)
        if made and timedelta(seconds=-60) < datetime.now(UTC) - made < RECENT:
            return CommandResult(id=command_id, status="accepted", accepted_at=made)
        return None


def _shipment_of(command: Command) -> str | None:
    body = command.body or {}
    return body.get("trackingNumber") or body.get("sscc") or body.get("shipment")


async def _result_json(command_id: str, connection: Connection) -> bytes | None:
    found = await store.result(command_id, connection)
    return found.model_dump_json(by_alias=True).encode() if found else None


async def _jobs_json(per_page: int, page_token: str | None, connection: Connection) -> bytes:
    return _JOBS.dump_json(await store.capture_jobs(per_page, page_token, connection), by_alias=True)


async def _events_json(query: EventQuery, connection: Connection) -> bytes:
    return orjson.dumps(await store.events(query, connection))
