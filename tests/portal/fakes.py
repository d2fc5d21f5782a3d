"""A domain in memory: the real commands, events and states, without queue, worker and database."""

import asyncio
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from shipments.apply import Effects, effects
from shipments.commands import Body, Command, new_command
from shipments.control import ControlState
from shipments.epcis import Problem, Refused
from shipments.epcis.formats import moment
from shipments.errors import Refusal, Unavailable
from shipments.eventquery import EventQuery
from shipments.ids import shipment_id
from shipments.models import (
    Accepted,
    CaptureJob,
    CaptureJobPage,
    CommandResult,
    Dependency,
    EventPage,
    Finding,
    Kept,
    Promise,
    Shipment,
)
from shipments.standing import Document, State
from shipments.state import ShipmentEvent, fold
from shipments.store import capture_job

NOW = "2026-01-01T12:00:00.000Z"


OTHER = {"eastus": "westus", "westus": "eastus"}


class MemoryShipments:
    """`hold` keeps commands accepted but not applied; `down` names what does not answer; `durability` is what can be
    promised now.  East is what the edge prefers."""

    def __init__(self, region: str = "eastus"):
        self.hold, self.down = False, set[str]()
        self.durability: Kept = "two-regions"
        self.settings = SimpleNamespace(portal_url="", region=region, primary_region="eastus", mode="automatic",
                                        durability="available")
        self.document = Document("api", 0, "eastus", {"eastus": "active", "westus": "standby"})
        self.results: dict[str, CommandResult] = {}
        self.bodies: dict[str, Any] = {}
        self.photos: dict[str, bytes] = {}
        self.waiting: list[Command] = []
        self.timeline: dict[str, list[ShipmentEvent]] = {}
        self.documents: list[dict[str, Any]] = []
        self.looks = 0

    async def __aenter__(self) -> "MemoryShipments":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def command(self, body: Body, key: str | None = None) -> Command:
        return new_command(body, region=self.settings.region, key=key)

    async def submit(self, command: Command) -> Accepted:
        if "queues" in self.down:
            raise Unavailable("the queue of both regions")
        if (self.settings.durability, self.durability) == ("strict", "one-region"):
            raise Unavailable("the other region, without which nothing is accepted here,")
        if self.bodies.setdefault(command.id, command.body) != command.body:
            raise Refusal("this Idempotency-Key was given to another request")
        self.results.setdefault(command.id, CommandResult(
            id=command.id, status="accepted", kind=command.kind, accepted_at=command.accepted_at))
        self.waiting.append(command)
        if not self.hold:
            self.apply()
        body = command.body or {}
        name = body.get("trackingNumber") or body.get("sscc") or body.get("shipment")
        return Accepted(command.id, self.durability, name)

    async def put_photo(self, content: bytes, media_type: str) -> tuple[str, Kept]:
        name = f"{sha256(content).hexdigest()[:32]}.{media_type.partition('/')[2]}"
        self.photos[name] = content
        return name, self.durability

    async def photo(self, name: str) -> bytes:
        if name not in self.photos:
            raise Refusal(f"the photo {name} is in the blob account of neither region")
        return self.photos[name]

    def set_state(self, state: State, region: str, reason: str = "", leaving: str | None = None) -> None:
        """Operators decide, in a new epoch; where traffic goes, `region` is who answers."""
        active = OTHER[region] if state == "standby" else region
        self.settings.region = region
        self.document = Document("api", self.document.epoch + 1, active, {region: state}, reason, NOW, leaving=leaving)

    def arrive(self, body: Body) -> None:
        """A command that came in somewhere else and was applied."""
        command = self.command(body)
        self._keep(effects(command), command)

    def apply(self) -> None:
        """What the worker does with everything that waits."""
        for command in self.waiting:
            if self.results[command.id].status == "accepted":
                self.results[command.id] = self._apply(command)
        self.waiting.clear()

    def _apply(self, command: Command) -> CommandResult:
        known = self.results[command.id]
        try:
            made = effects(command)
        except Refusal as refusal:
            findings = [Finding(pointer=problem.pointer, reason=problem.reason) for problem in refusal.problems]
            return known.model_copy(update={"status": "refused", "errors": findings})
        self._keep(made, command)
        return known.model_copy(
            update={"status": "applied", "applied_at": command.accepted_at, "shipment": made.shipment})

    def _keep(self, made: Effects, command: Command) -> None:
        for row in made.timeline:
            event = ShipmentEvent(row["key"], row["kind"], moment(row["time"]), command.accepted_at, row["data"])
            self.timeline.setdefault(row["name"], []).append(event)
        self.documents += [row["document"] | {"recordTime": NOW} for row in made.events]

    async def shipment(self, name: str) -> Shipment | None:
        if "database" in self.down:
            raise Unavailable("the database")
        name = shipment_id(name)
        return fold(name, self.timeline.get(name, []))

    async def shipment_json(self, name: str) -> bytes | None:
        found = await self.shipment(name)
        return found and found.model_dump_json(by_alias=True).encode()

    async def result(self, command_id: str, wait: float = 0) -> CommandResult | None:
        if "database" in self.down:
            raise Unavailable("the database")
        return self.results.get(command_id)

    async def capture_job(self, capture_id: str, wait: float = 0) -> CaptureJob | None:
        found = self.results.get(capture_id)
        return found and capture_job(found)

    async def capture_jobs(self, per_page: int = 30, page_token: str | None = None) -> CaptureJobPage:
        start = _place(page_token)
        jobs = [capture_job(result) for result in self.results.values() if result.kind == "capture-events"]
        return CaptureJobPage(jobs[start:start + per_page], _token(start + per_page, len(jobs)))

    async def events(self, query: EventQuery) -> EventPage:
        """By id, type and page only: the rest of the query language is the store's."""
        wanted = {"event_id": "eventID", "event_type": "type", "biz_step": "bizStep"}
        asked = {wanted[column]: given for column, given in query.columns.items() if column in wanted}
        found = [document for document in self.documents
                 if all(document.get(name) in given for name, given in asked.items())]
        start = _place(query.page_token)
        return EventPage(found[start:start + query.per_page], _token(start + query.per_page, len(found)))

    async def health(self) -> list[Dependency]:
        self.looks += 1
        await asyncio.sleep(0)
        return [Dependency(name, name not in self.down, "ok", 0.1) for name in ("database", "cache", "queues", "blobs")]

    async def control(self) -> ControlState:
        return ControlState(self.document, self.settings.region)

    async def writer(self) -> Document:
        return Document("worker", 0, "eastus", {"eastus": "active", "westus": "standby"})

    def promise(self) -> Promise:
        return Promise(self.durability)


def _place(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdigit():
        raise Refused([Problem("/nextPageToken", "is not a token of this query")])
    return int(token)


def _token(place: int, total: int) -> str | None:
    return str(place) if place < total else None
