"""What the load sends: bodies that can be told apart afterwards, each with a mark of its own.

EPCIS documents: https://ref.gs1.org/standards/epcis/2.0.0/ (ObjectEvent, section 7.4.2); an extension needs a namespace
of its own in `@context` (section 10.5).
"""

import random
import struct
import zlib
from datetime import UTC, datetime
from typing import Any

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
EXTENSION = {"drill": "https://ns.example.com/drill/"}
STEPS = ("departing", "arriving", "loading", "unloading", "transporting", "storing", "inspecting", "holding")
PLACES = ("Boston", "Seattle", "Denver", "Austin", "Chicago", "Newark")


def registration(number: str, chance: random.Random) -> dict[str, Any]:
    origin, destination = chance.sample(PLACES, 2)
    return {"trackingNumber": number, "sender": "Drill", "recipient": "Drill", "origin": origin,
            "destination": destination, "description": "x" * chance.randrange(400)}


def comment(mark: str, chance: random.Random) -> dict[str, str]:
    """`mark` is what the comment is found by."""
    return {"author": "drill", "text": f"{mark} {'.' * chance.randrange(200)}"}


def capture(mark: str, number: str, chance: random.Random, size: int = 0) -> dict[str, Any]:
    """An observation of the shipment, with the event id `urn:uuid:<mark>`; `size` bytes of extension make it large."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"type": "ObjectEvent", "eventID": f"urn:uuid:{mark}", "action": "OBSERVE", "bizStep": chance.choice(STEPS),
             "epcList": [f"urn:drill:obj:{number}"], "eventTime": now, "eventTimeZoneOffset": "+00:00",
             "readPoint": {"id": "urn:epc:id:sgln:0614141.00777.0"}}
    if size:
        event["drill:note"] = f"{chance.getrandbits(4 * size):0{size}x}"
    return {"@context": [CONTEXT, EXTENSION], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": now,
            "epcisBody": {"eventList": [event]}}


def photo(chance: random.Random, size: int) -> bytes:
    """A PNG of one grey pixel and `size` bytes of chance in a private chunk
    (https://www.w3.org/TR/png-3/#5Chunk-layout)."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), (b"drIl", chance.randbytes(size)),
                           (b"IDAT", zlib.compress(b"\x00\x80")), (b"IEND", b"")))
