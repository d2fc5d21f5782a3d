"""JSON schemas of what may be sent, as exact as JSON Schema allows, so that generated clients get no surprise."""

from typing import Any

from shipments.epcis.schema import document_schema

Spec = dict[str, Any]

PLAIN = r"^[^\x00]*$"
SOMETHING = r"^[^\x00]*[^\x00\s][^\x00]*$"
SSCC_URN = "|".join(rf"[0-9]{{{length}}}\.[0-9]{{{17 - length}}}" for length in range(6, 13))


def text(longest: int, description: str, pattern: str = SOMETHING) -> Spec:
    return {"type": "string", "maxLength": longest, "pattern": pattern, "description": description}


REGISTRATION: Spec = {
    "type": "object", "title": "Registration", "additionalProperties": False,
    "properties": {
        "trackingNumber": {"type": "string", "pattern": r"^(?![0-9]*$)[A-Z0-9][A-Z0-9-]{4,33}[A-Z0-9]$",
                           "description": "6 to 35 capitals, digits, inner hyphens; without it and `sscc`: made"},
        "sscc": {"type": "string", "pattern": rf"^urn:epc:id:sscc:({SSCC_URN})$",
                 "description": "GS1's container code; its 18 digits and its /00/ web form are taken too"},
        "sender": text(200, "Who sends it"),
        "recipient": text(200, "Who receives it"),
        "origin": text(200, "Where it starts"),
        "destination": text(200, "Where it goes"),
        "description": text(1000, "What it is", PLAIN),
        "weightKg": {"type": "number", "exclusiveMinimum": 0, "maximum": 100_000, "description": "Weight in kilograms"},
        "expectedAt": {"type": "string", "format": "date-time", "description": "When it is expected"},
    },
}
COMMENT: Spec = {
    "type": "object", "title": "Comment", "additionalProperties": False, "required": ["author", "text"],
    "properties": {"author": text(200, "Who writes"), "text": text(4000, "What"),
                   "photo": text(200, "Name of a photo that was stored before")},
}
PHOTO: Spec = {"type": "string", "format": "binary", "description": "JPEG, PNG or WebP, at most 10 MiB"}
PHOTO_WORDS: dict[str, Spec] = {"author": text(200, "Who sends it", PLAIN), "text": text(4000, "What it shows", PLAIN)}
PHOTO_FORM: Spec = {"type": "object", "title": "PhotoForm", "additionalProperties": False, "required": ["photo"],
                    "properties": PHOTO_WORDS | {"photo": PHOTO}}
EPCIS_DOCUMENT, EPCIS_PARTS = document_schema("#/components/schemas/")
