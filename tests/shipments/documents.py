"""EPCIS documents for tests."""

from typing import Any

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
SSCC, SSCC_URN = "106141412345678908", "urn:epc:id:sscc:0614141.1234567890"


def event(**changes: Any) -> dict[str, Any]:
    """An ObjectEvent about the shipment SSCC; `None` leaves a member out."""
    whole = {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "bizStep": "shipping",
        "disposition": "in_transit",
        "epcList": [SSCC_URN],
        "eventTime": "2026-03-01T10:00:00.000Z",
        "eventTimeZoneOffset": "+00:00",
        "readPoint": {"id": "urn:epc:id:sgln:0614141.00777.0"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def document(*events: dict[str, Any], context: Any = CONTEXT) -> dict[str, Any]:
    return {
        "@context": context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T10:00:00.000Z",
        "epcisBody": {"eventList": list(events)},
    }
