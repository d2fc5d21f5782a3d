"""What things are called: commands by a sortable UUID, shipments by a tracking number or a GS1 SSCC.

One shipment has one spelling.  A tracking number is upper case without blanks; an SSCC is its 18 digits, written as
`urn:epc:id:sscc:0614141.1234567890`, `https://id.gs1.org/00/106141412345678908`, `(00)106141412345678908` or bare.
"""

import os
import re
import time
import uuid
from datetime import UTC, datetime

_SSCC_URN = re.compile(r"urn:epc:id:sscc:(\d{6,12})\.(\d{5,11})")
_SSCC_LINK = re.compile(r"https?://[^\s?#]+?/00/(\d{18})/?(?:[?#].*)?")
_PRIVATE_EPC = re.compile(r"(?:urn:[^\s]+:obj:|https?://[^\s]+/obj/)([A-Za-z0-9-]+)")
_TRACKING_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9-]{4,33}[A-Z0-9]")
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_KEYS = uuid.UUID("6f1b1e7e-52f0-5c0e-9d5a-0f3c5a2f7a11")


class InvalidId(ValueError):
    """The text names no shipment; the message says what is wrong with it."""


def new_id() -> str:
    """A UUIDv7: 48 bits of milliseconds, then chance, so ids sort by age (https://www.rfc-editor.org/rfc/rfc9562#section-5.7)."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
    return str(uuid.UUID(int=number))


def id_of_key(key: str, kind: str) -> str:
    """The id of the command of a kind that an `Idempotency-Key` stands for: a UUID as it is; else always the same."""
    try:
        return str(uuid.UUID(key))
    except ValueError:
        return str(uuid.uuid5(_KEYS, f"{kind}:{key}"))


def created_at(command_id: str) -> datetime | None:
    """When a UUIDv7 was made; None for ids that do not carry it."""
    try:
        number = uuid.UUID(command_id)
    except ValueError:
        return None
    return datetime.fromtimestamp((number.int >> 80) / 1000, UTC) if number.version == 7 else None


def tracking_number_of(command_id: str) -> str:
    """The number given to a shipment registered without one: the same for every copy of its command."""
    number = uuid.UUID(command_id).int & (1 << 60) - 1
    return "TP" + "".join(_ALPHABET[number >> shift & 31] for shift in range(55, -5, -5))


def check_digit(digits: str) -> str:
    """GS1's check digit of the digits before it (https://www.gs1.org/services/how-calculate-check-digit-manually)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def shipment_id(text: str) -> str:
    """The one spelling of a shipment's name; raises InvalidId with the limit, the value and the reason."""
    text = text.strip()
    sscc = _digits_of_sscc(text)
    if sscc is not None:
        return _checked(sscc)
    number = re.sub(r"\s", "", text).upper()
    if not _TRACKING_NUMBER.fullmatch(number):
        raise InvalidId(f"{text[:60]!r} is neither a tracking number (6 to 35 letters, digits and inner hyphens) "
                        "nor an SSCC (18 digits, urn:epc:id:sscc:… or …/00/…)")
    return number


def is_sscc(name: str) -> bool:
    """Whether a shipment's name (as `shipment_id` spells it) is an SSCC."""
    return len(name) == 18 and name.isdigit()


def shipment_of_epc(epc: str) -> str | None:
    """The shipment that an EPC in an event names, or None.

    An SSCC in either form, or a private identifier in the forms that CBV 2.0 section 8.2 gives for them
    (`urn:<namespace>:…:obj:<number>`, `https://<domain>/…/obj/<number>`), whose object id is the tracking number.
    """
    private = _PRIVATE_EPC.fullmatch(epc)
    if private is None and "sscc" not in epc and "/00/" not in epc:
        return None
    try:
        return shipment_id(private[1] if private else epc)
    except InvalidId:
        return None


def _digits_of_sscc(text: str) -> str | None:
    if urn := _SSCC_URN.fullmatch(text):
        prefix, reference = urn.groups()
        if len(prefix) + len(reference) != 17:
            raise InvalidId(f"{text!r} has {len(prefix) + len(reference)} digits; an SSCC URN has 17, "
                            "without the check digit")
        digits = reference[0] + prefix + reference[1:]
        return digits + check_digit(digits)
    if text.startswith("urn:epc:id:sscc:"):
        raise InvalidId(f"{text[:60]!r} is not of the form urn:epc:id:sscc:<company prefix>.<serial reference>")
    if link := _SSCC_LINK.fullmatch(text):
        return link[1]
    bare = re.sub(r"^\(00\)|[\s]", "", text)
    if re.fullmatch(r"00\d{18}", bare, re.ASCII):
        return bare[2:]
    return bare if re.fullmatch(r"\d{18}", bare, re.ASCII) else None


def _checked(sscc: str) -> str:
    right = check_digit(sscc[:17])
    if sscc[17] != right:
        raise InvalidId(f"SSCC {sscc} ends in check digit {sscc[17]}, but its digits give {right}; one is mistyped")
    return sscc
