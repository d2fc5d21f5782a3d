"""Commands and their envelope."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipments.commands import AddComment, CaptureEvents, RegisterShipment, decode, new_command
from shipments.errors import Refusal

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=200).filter(
    str.strip
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
bodies = st.one_of(
    st.builds(
        RegisterShipment,
        tracking_number=st.from_regex(r"\A[A-Z0-9][A-Z0-9-]{4,16}[A-Z]\Z"),
        sender=texts,
        recipient=texts,
        origin=texts,
        destination=texts,
        weight_kg=st.none() | st.floats(0.001, 100_000),
    ),
    st.builds(CaptureEvents, document=st.dictionaries(texts, values, max_size=4)),
    st.builds(AddComment, shipment=st.just("TN-000001"), author=texts, text=texts),
)


@given(bodies, texts)
def test_a_command_is_the_same_after_its_journey(body: Any, key: str) -> None:
    command = new_command(body, region="eastus", epoch=3, key=key)
    arrived = decode(command.encode())
    assert arrived == command, "nothing of the envelope is lost"
    assert arrived.content() == body, "nor of the body"


@given(bodies, texts)
def test_the_same_key_makes_the_same_command(body: Any, key: str) -> None:
    first, second = (new_command(body, region="eastus", key=key) for _ in range(2))
    assert first.id == second.id and first.body == second.body, "a repeated request asks for the same thing"


def test_a_shipment_without_names_gets_one_that_a_repeated_request_gets_too() -> None:
    fields = {"sender": "A", "recipient": "B", "origin": "C", "destination": "D"}
    first, second = (new_command(RegisterShipment(**fields), region="eastus", key="k") for _ in range(2))
    assert first.body["trackingNumber"] == second.body["trackingNumber"], "the number follows from the key"


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode) | values.map(orjson.dumps))
def test_any_message_is_a_command_or_refused(message: bytes) -> None:
    with pytest.raises(Refusal):
        decode(message).content()


@pytest.mark.parametrize(
    "changes",
    [
        {"sscc": "123"},
        {"trackingNumber": "106141412345678908"},
        {"trackingNumber": "x"},
        {"weightKg": 0},
        {"weightKg": "NaN"},
        {"sender": ""},
        {"sender": "  "},
        {"sender": "a\x00"},
        {"sender": "x" * 201},
        {"expectedAt": "2026-01-01T00:00:00"},
        {"color": "red"},
    ],
)
def test_a_wrong_registration_is_refused(changes: dict[str, Any]) -> None:
    fields = {"trackingNumber": "TN-000001", "sender": "A", "recipient": "B", "origin": "C", "destination": "D"}
    with pytest.raises(ValueError, match=next(iter(changes))):
        RegisterShipment.model_validate({**fields, **changes})


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    message = orjson.dumps(
        {
            "kind": "add-comment",
            "id": "secret-token-123",
            "region": "eastus",
            "acceptedAt": "2026-01-01T00:00:00Z",
            "body": {},
        }
    )
    with pytest.raises(Refusal) as refused:
        decode(message)
    assert "secret-token-123" not in refused.value.reason, "a poison message's reason may be shown"
