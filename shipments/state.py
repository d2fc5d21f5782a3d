"""What a set of events says about a shipment: a pure function of the set, in any order, however often each came."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from shipments.models import Shipment, Status, TimelineEntry

BY_STEP = {
    "collecting": Status.COLLECTED,
    "loading": Status.IN_TRANSIT, "shipping": Status.IN_TRANSIT, "departing": Status.IN_TRANSIT,
    "transporting": Status.IN_TRANSIT, "consigning": Status.IN_TRANSIT,
    "arriving": Status.AT_FACILITY, "unloading": Status.AT_FACILITY, "storing": Status.AT_FACILITY,
    "inspecting": Status.AT_FACILITY, "entering_exiting": Status.AT_FACILITY, "staging_outbound": Status.AT_FACILITY,
    "holding": Status.HELD,
    "receiving": Status.DELIVERED, "accepting": Status.DELIVERED,
    "void_shipping": Status.REGISTERED,
    "destroying": Status.ENDED, "decommissioning": Status.ENDED,
}
"""CBV 2.0 business steps (section 7.1) that say where a shipment stands."""

BY_DISPOSITION = {
    "damaged": Status.EXCEPTION, "destroyed": Status.EXCEPTION, "stolen": Status.EXCEPTION, "disposed": Status.ENDED,
    "returned": Status.RETURNED, "in_transit": Status.IN_TRANSIT,
}
"""CBV 2.0 dispositions (section 7.2); the first three and `returned` outweigh the step."""

_OUTWEIGH = {"damaged", "destroyed", "stolen", "returned"}


@dataclass(frozen=True)
class ShipmentEvent:
    """One thing that happened to a shipment; `key` is the same for every copy of it.

    `data` by kind: `registered` a RegisterShipment's fields; `comment` author, text, photo; `observed` eventID, type,
    action, bizStep, disposition, readPoint, bizLocation, and `declaresError` for the statement that an event of that id
    was wrong.
    """

    key: str
    kind: Literal["registered", "observed", "comment"]
    time: datetime
    record_time: datetime
    data: dict[str, Any]


def fold(name: str, events: Iterable[ShipmentEvent]) -> Shipment | None:
    """The shipment that is called `name`; None when nothing was ever heard of it."""
    ordered = _once_each(events)
    if not ordered:
        return None
    wrong = {event.data.get("eventID") for event in ordered if event.data.get("declaresError")}
    timeline = [_entry(event, wrong) for event in ordered]
    registration = _registration(name, ordered)
    facts = registration.data if registration else {}
    return Shipment(
        id=facts.get("trackingNumber") or facts.get("sscc") or name,
        tracking_number=facts.get("trackingNumber"), sscc=facts.get("sscc") or _sscc(name),
        sender=facts.get("sender"), recipient=facts.get("recipient"),
        origin=facts.get("origin"), destination=facts.get("destination"), description=facts.get("description"),
        weight_kg=facts.get("weightKg"), expected_at=facts.get("expectedAt"),
        registered_at=registration.time if registration else None,
        updated_at=max(event.record_time for event in ordered),
        status=_status(timeline), location=_location(timeline), timeline=timeline)


def status_of(data: dict[str, Any]) -> Status | None:
    """What an observed event makes of a shipment; None when it does not say."""
    step, disposition = data.get("bizStep"), data.get("disposition")
    if data.get("declaresError"):
        return None
    if disposition in _OUTWEIGH:
        return BY_DISPOSITION[disposition]
    return BY_STEP.get(step or "") or BY_DISPOSITION.get(disposition or "")


def _once_each(events: Iterable[ShipmentEvent]) -> list[ShipmentEvent]:
    """Oldest first; of the copies of an event, the one recorded first."""
    kept: dict[str, ShipmentEvent] = {}
    for event in events:
        known = kept.get(event.key)
        if known is None or event.record_time < known.record_time:
            kept[event.key] = event
    return sorted(kept.values(), key=lambda event: (event.time, event.kind != "registered", event.key))


def _registration(name: str, ordered: list[ShipmentEvent]) -> ShipmentEvent | None:
    """The first one that gives the name; a later one of the same name changes nothing."""
    return next((event for event in ordered if event.kind == "registered"
                 and name in (event.data.get("trackingNumber"), event.data.get("sscc"))), None)


def _sscc(name: str) -> str | None:
    return name if len(name) == 18 and name.isdigit() else None


def _entry(event: ShipmentEvent, wrong: set[Any]) -> TimelineEntry:
    common = {"id": event.key, "kind": event.kind, "time": event.time, "record_time": event.record_time}
    data = event.data
    if event.kind == "registered":
        return TimelineEntry(**common, status=Status.REGISTERED)
    if event.kind == "comment":
        return TimelineEntry(**common, author=data["author"], text=data["text"], photo=data.get("photo"))
    return TimelineEntry(
        **common, status=status_of(data), event_id=data["eventID"], event_type=data["type"], action=data.get("action"),
        biz_step=data.get("bizStep"), disposition=data.get("disposition"), read_point=data.get("readPoint"),
        biz_location=data.get("bizLocation"), voided=not data.get("declaresError") and data["eventID"] in wrong)


def _status(timeline: list[TimelineEntry]) -> Status:
    """The newest observation that says something decides; registration only counts while there is none."""
    said = [entry for entry in timeline if entry.status and not entry.voided]
    observed = [entry for entry in said if entry.kind == "observed"]
    return (observed or said)[-1].status if said else Status.ANNOUNCED


def _location(timeline: list[TimelineEntry]) -> str | None:
    places = (entry.biz_location or entry.read_point for entry in reversed(timeline) if not entry.voided)
    return next((place for place in places if place), None)
