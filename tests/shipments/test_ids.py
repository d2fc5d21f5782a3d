"""Names of commands and shipments."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipments import ids

SSCC = "106141412345678908"
digits17 = st.text("0123456789", min_size=17, max_size=17)


@pytest.mark.parametrize(
    "text",
    [
        SSCC,
        f" {SSCC} ",
        "1 0614141 234567890 8",
        f"00{SSCC}",
        f"(00){SSCC}",
        "urn:epc:id:sscc:0614141.1234567890",
        f"https://id.gs1.org/00/{SSCC}",
        f"http://example.com/gs1/00/{SSCC}?4321=260101",
        f"https://id.gs1.org/00/{SSCC}/",
    ],
)
def test_every_spelling_of_an_sscc_is_one_shipment(text: str) -> None:
    assert ids.shipment_id(text) == SSCC, "all of them name the same logistic unit"


def sscc_urn(name: str, company_prefix_length: int) -> str:
    """18 digits -> `urn:epc:id:sscc:<company prefix>.<extension digit and reference>` (GS1 EPC TDS section 6.3.2)."""
    prefix = name[1:1 + company_prefix_length]
    return f"urn:epc:id:sscc:{prefix}.{name[0]}{name[1 + company_prefix_length:17]}"


@given(digits17, st.integers(6, 12))
def test_an_sscc_survives_its_urn(digits: str, prefix_length: int) -> None:
    sscc = digits + ids.check_digit(digits)
    assert ids.shipment_id(sscc_urn(sscc, prefix_length)) == sscc, "wherever the company prefix ends"


@given(digits17, st.integers(0, 17), st.integers(1, 9))
def test_a_mistyped_digit_is_noticed(digits: str, place: int, change: int) -> None:
    sscc = digits + ids.check_digit(digits)
    wrong = sscc[:place] + str((int(sscc[place]) + change) % 10) + sscc[place + 1 :]
    with pytest.raises(ids.InvalidId, match="check digit"):
        ids.shipment_id(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AB",
        "-ABCDEF",
        "ABCDEF-",
        "A" * 36,
        "TN/0001",
        "TN 00\x00001",
        "١٠٦١٤١٤١٢٣٤٥٦٧٨٩٠٨",
        "urn:epc:id:sscc:0614141.123",
        "urn:epc:id:sscc:x",
        "https://id.gs1.org/00/12345",
        "../../etc/passwd",
        "TN-0000０１",
    ],
)
def test_what_names_no_shipment_is_refused(text: str) -> None:
    with pytest.raises(ids.InvalidId):
        ids.shipment_id(text)


@given(st.text())
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = ids.shipment_id(text)
    except ids.InvalidId:
        return
    assert ids.shipment_id(name) == name, "the one spelling stays itself"
    assert name.isascii() and len(name) <= 35, "what is kept is short and plain"


@pytest.mark.parametrize(
    ("epc", "shipment"),
    [
        ("urn:epc:id:sscc:0614141.1234567890", SSCC),
        (f"https://id.gs1.org/00/{SSCC}", SSCC),
        ("https://carrier.example/track/obj/tn-000001", "TN-000001"),
        ("urn:example:parcels:obj:TN-000001", "TN-000001"),
        ("urn:epc:id:sgtin:0614141.107346.2017", None),
        ("https://id.gs1.org/01/09520123456788/21/1234", None),
        ("urn:epc:id:sscc:broken", None),
        ("https://id.gs1.org/00/106141412345678900", None),
        ("urn:epc:id:sscc:..", None),
    ],
)
def test_an_epc_names_a_shipment_or_does_not(epc: str, shipment: str | None) -> None:
    assert ids.shipment_of_epc(epc) == shipment, "SSCCs and private object ids do, everything else does not"


def test_new_ids_sort_by_age_and_tell_it() -> None:
    made = [ids.new_id() for _ in range(100)]
    assert len(set(made)) == 100, "no two are alike"
    assert all(uuid.UUID(one).version == 7 for one in made), "they are UUIDv7"
    age = datetime.now(UTC) - ids.created_at(made[0])
    assert timedelta(0) <= age + timedelta(milliseconds=1) < timedelta(seconds=5), "the time in it is when it was made"


@given(st.text(min_size=1))
def test_a_key_always_gives_the_same_id(key: str) -> None:
    made = ids.id_of_key(key, "add-comment")
    assert ids.id_of_key(key, "add-comment") == made, "a repeated request is the same command"
    assert str(uuid.UUID(made)) == made, "in one spelling"


@given(st.uuids())
def test_a_command_gives_a_tracking_number_that_can_be_tracked(command: uuid.UUID) -> None:
    number = ids.tracking_number_of(str(command))
    assert ids.shipment_id(number) == number, "it is a valid name in its one spelling"
