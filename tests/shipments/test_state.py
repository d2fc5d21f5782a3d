"""The state of a shipment is a function of the set of its events."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shipments.ids import is_sscc
from shipments.models import Status
from shipments.state import BY_DISPOSITION, BY_STEP, ShipmentEvent, fold

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("TN-000001", "106141412345678908")
moments = st.integers(0, 50).map(lambda hours: START + timedelta(hours=hours))


def registered(**data: object) -> dict[str, object]:
    return {
        "trackingNumber": NAMES[0],
        "sscc": NAMES[1],
        "sender": "A",
        "recipient": "B",
        "origin": "C",
        "destination": "D",
        **data,
    }


def observed(**data: object) -> dict[str, object]:
    return {"eventID": "urn:x:1", "type": "ObjectEvent", "action": "OBSERVE", **data}


@st.composite
def events(draw: st.DrawFn) -> ShipmentEvent:
    kind = draw(st.sampled_from(["registered", "observed", "comment"]))
    data = {
        "registered": st.builds(registered, sender=st.sampled_from("AB")),
        "comment": st.just({"author": "A", "text": "hello"}),
        "observed": st.builds(
            observed,
            eventID=st.sampled_from(["urn:x:1", "urn:x:2"]),
            bizStep=st.sampled_from([None, "packing", *BY_STEP]),
            disposition=st.sampled_from([None, "active", *BY_DISPOSITION]),
            declaresError=st.booleans(),
            readPoint=st.sampled_from([None, "urn:place:1", "urn:place:2"]),
        ),
    }[kind]
    key = draw(st.uuids().map(str))
    return ShipmentEvent(key, kind, draw(moments), draw(moments), draw(data))


@given(st.lists(events(), max_size=12), st.integers(), st.sampled_from(NAMES))
def test_any_order_and_any_duplication_give_the_same_state(
    given_events: list[ShipmentEvent], seed: int, name: str
) -> None:
    shuffled = [event for event in given_events for _ in range(random.Random(seed).randint(1, 3))]
    random.Random(seed).shuffle(shuffled)
    assert fold(name, shuffled) == fold(name, given_events), "the state is a function of the set"


@given(st.lists(events(), max_size=8), st.lists(events(), max_size=8))
def test_joining_two_halves_does_not_depend_on_which_came_first(
    one: list[ShipmentEvent], other: list[ShipmentEvent]
) -> None:
    assert fold(NAMES[0], one + other) == fold(NAMES[0], other + one), "two regions' events may be joined either way"


@given(st.lists(events(), min_size=1, max_size=8))
def test_a_shipment_has_its_registrations_names(given_events: list[ShipmentEvent]) -> None:
    found = fold(NAMES[1], given_events)
    registrations = [event for event in given_events if event.kind == "registered"]
    assert found.id == (NAMES[0] if registrations else NAMES[1]), "the tracking number, once it is known"
    assert is_sscc(found.sscc), "and the SSCC that was asked for"


def at(hours: int, kind: str = "observed", key: str = "", **data: object) -> ShipmentEvent:
    moment = START + timedelta(hours=hours)
    made = registered(**data) if kind == "registered" else observed(eventID=f"urn:x:{hours}", **data)
    return ShipmentEvent(key or f"{kind}-{hours}", kind, moment, moment, made)


def status(*given_events: ShipmentEvent) -> Status:
    return fold(NAMES[0], given_events).status


def test_nothing_heard_is_no_shipment() -> None:
    assert fold(NAMES[0], []) is None, "there is nothing to tell of it"


def test_the_newest_observation_that_says_something_decides() -> None:
    delivered, inspected = at(5, bizStep="receiving"), at(3, bizStep="inspecting")
    assert status(delivered, inspected) == Status.DELIVERED, "the older event came later, and changes nothing"
    assert status(delivered, inspected, at(6, bizStep="packing")) == Status.DELIVERED, (
        "packing does not move a shipment"
    )


def test_registration_counts_only_until_something_is_observed() -> None:
    assert status(at(9, "registered")) == Status.REGISTERED, "nothing else is known"
    assert status(at(9, "registered"), at(1, bizStep="shipping")) == Status.IN_TRANSIT, "registered after it was sent"


def test_events_without_a_registration_announce_a_shipment() -> None:
    assert status(at(1, bizStep="packing")) == Status.ANNOUNCED, "named by an event, not registered, not moved"


def test_damage_outweighs_the_step() -> None:
    assert status(at(1, bizStep="receiving", disposition="damaged")) == Status.EXCEPTION, "it arrived, but broken"


def test_an_event_declared_wrong_does_not_count() -> None:
    delivered = at(5, bizStep="receiving")
    declared = ShipmentEvent(
        "correction", "observed", START + timedelta(hours=5), START, {**delivered.data, "declaresError": True}
    )
    assert status(at(1, bizStep="shipping"), delivered, declared) == Status.IN_TRANSIT, "it was never delivered"
    entries = fold(NAMES[0], [delivered, declared]).timeline
    assert [entry.voided for entry in entries if entry.id == delivered.key] == [True], "the timeline shows it as voided"


def test_the_first_registration_of_a_name_holds() -> None:
    found = fold(NAMES[0], [at(2, "registered", sender="Second"), at(1, "registered", sender="First")])
    assert found.sender == "First", "a later one cannot take the shipment over"
