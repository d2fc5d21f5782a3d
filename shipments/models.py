"""What the domain answers: shapes that the API serves as they are (camelCase JSON, times in UTC)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class View(BaseModel):
    """Read-only; camelCase in JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Status(StrEnum):
    """Where a shipment stands; `announced` is named by events but not registered yet, or has no event that moves it."""

    ANNOUNCED = "announced"
    REGISTERED = "registered"
    COLLECTED = "collected"
    IN_TRANSIT = "in_transit"
    AT_FACILITY = "at_facility"
    HELD = "held"
    DELIVERED = "delivered"
    RETURNED = "returned"
    EXCEPTION = "exception"
    ENDED = "ended"


class TimelineEntry(View):
    """One thing that happened; `kind` says which of the optional fields are there."""

    id: str
    kind: Literal["registered", "observed", "comment"]
    time: datetime
    record_time: datetime
    status: Status | None = None
    """What the shipment became by it, if it says so."""
    voided: bool = False
    """A later error declaration says that it did not happen."""
    event_id: str | None = None
    event_type: str | None = None
    action: str | None = None
    biz_step: str | None = None
    disposition: str | None = None
    read_point: str | None = None
    biz_location: str | None = None
    author: str | None = None
    text: str | None = None
    photo: str | None = None


class Shipment(View):
    """A shipment as its events tell it; the timeline is oldest first."""

    id: str
    status: Status
    tracking_number: str | None = None
    sscc: str | None = None
    sender: str | None = None
    recipient: str | None = None
    origin: str | None = None
    destination: str | None = None
    description: str | None = None
    weight_kg: float | None = None
    expected_at: datetime | None = None
    registered_at: datetime | None = None
    updated_at: datetime
    location: str | None = None
    """The business location (else read point) that it was last seen at."""
    timeline: list[TimelineEntry] = Field(default_factory=list)


class Finding(View):
    """One reason for a refusal; `pointer` (RFC 6901) leads into the command's body ("" is the whole of it)."""

    pointer: str
    reason: str


class CommandResult(View):
    """What became of a command.  `accepted`: durable, not applied yet."""

    id: str
    status: Literal["accepted", "applied", "refused"]
    kind: str | None = None
    accepted_at: datetime | None = None
    applied_at: datetime | None = None
    shipment: str | None = None
    errors: list[Finding] = Field(default_factory=list)


class CaptureError(View):
    """An error as RFC 7807 shapes it, which EPCIS 2.0 uses."""

    type: str = "epcisException:ValidationException"
    title: str
    pointer: str = ""


class CaptureJob(BaseModel):
    """EPCIS 2.0's capture job (https://ref.gs1.org/standards/epcis/2.0.0/, REST binding, schema CaptureJob)."""

    model_config = ConfigDict(populate_by_name=True, frozen=True)

    capture_id: str = Field(alias="captureID")
    created_at: datetime | None = Field(alias="createdAt", default=None)
    finished_at: datetime | None = Field(alias="finishedAt", default=None)
    running: bool
    success: bool
    capture_error_behaviour: Literal["rollback"] = Field(alias="captureErrorBehaviour", default="rollback")
    errors: list[CaptureError] = Field(default_factory=list)


Kept = Literal["one-region", "two-regions"]
"""In how many regions something is durable."""


@dataclass(frozen=True)
class Promise:
    """What a write would be answered now; `reason` says why it is not `two-regions`."""

    durability: Kept
    reason: str = ""
    peer_seen_seconds: float | None = None
    """Age of the newest look at the other region; None while it was never seen."""


@dataclass(frozen=True)
class Accepted:
    """A command is durable: where, and what it will be known by."""

    id: str
    durability: Kept
    shipment: str | None = None
    """The shipment that it concerns, where that is known beforehand."""


@dataclass(frozen=True)
class EventPage:
    """A page of EPCIS events, each as it was captured plus `recordTime` (and `eventID` where it had none);
    `epcis.query_document(page.events)` makes the standard's answer of it."""

    events: list[dict[str, Any]]
    next_page_token: str | None = None


@dataclass(frozen=True)
class CaptureJobPage:
    jobs: list[CaptureJob]
    next_page_token: str | None = None


@dataclass(frozen=True)
class Dependency:
    """One thing the app needs, as seen just now; `ms` is how long the look took."""

    name: str
    ok: bool
    detail: str
    ms: float
