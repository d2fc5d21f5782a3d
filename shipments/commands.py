"""What can be asked of the platform, and the envelope that it travels in.

    {"id": "0199…", "kind": "register-shipment", "epoch": 0, "region": "eastus", "acceptedAt": "2026-…Z", "body": {…}}

`bodyRef` (a blob name in the `bodies` container) stands in for `body` when that is too large for a queue message.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from shipments.errors import Refusal
from shipments.ids import id_of_key, is_sscc, new_id, shipment_id, tracking_number_of


def _text(value: str) -> str:
    if "\x00" in value:
        raise ValueError("holds U+0000, which PostgreSQL's text cannot store")
    return value


def _tracking_number(value: str) -> str:
    name = shipment_id(value)
    if is_sscc(name):
        raise ValueError(f"{value!r} is an SSCC; give it as `sscc`")
    return name


def _sscc(value: str) -> str:
    name = shipment_id(value)
    if not is_sscc(name):
        raise ValueError(f"{value[:60]!r} is no SSCC (18 digits, urn:epc:id:sscc:… or …/00/…)")
    return name


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_text)]
LongText = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_text)]
ShipmentName = Annotated[str, AfterValidator(shipment_id)]


class Body(BaseModel):
    """A command's own fields: camelCase in JSON, nothing unknown."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True,
                              str_strip_whitespace=True)

    def named(self, command_id: str) -> "Body":
        """Itself, with what follows from the command's id filled in."""
        return self


class RegisterShipment(Body):
    """A shipment is announced.  Without a tracking number and SSCC, it is given a tracking number."""

    kind: Literal["register-shipment"] = "register-shipment"
    tracking_number: Annotated[str, AfterValidator(_tracking_number)] | None = None
    sscc: Annotated[str, AfterValidator(_sscc)] | None = None
    sender: Text | None = None
    recipient: Text | None = None
    origin: Text | None = None
    destination: Text | None = None
    description: Annotated[str, Field(max_length=1000), AfterValidator(_text)] = ""
    weight_kg: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = None
    expected_at: AwareDatetime | None = None

    def named(self, command_id: str) -> "RegisterShipment":
        if self.tracking_number or self.sscc:
            return self
        return self.model_copy(update={"tracking_number": tracking_number_of(command_id)})

    @property
    def names(self) -> list[str]:
        """Every name that the shipment can be tracked by; the first one is its id."""
        return [name for name in (self.tracking_number, self.sscc) if name]


class CaptureEvents(Body):
    """An EPCIS 2.0 document is captured: all of its events or, when one is refused, none."""

    kind: Literal["capture-events"] = "capture-events"
    document: dict[str, Any]


class AddComment(Body):
    """Somebody writes something to a shipment."""

    kind: Literal["add-comment"] = "add-comment"
    shipment: ShipmentName
    author: Text
    text: LongText
    photo: Annotated[str, Field(max_length=200), AfterValidator(_text)] | None = None
    """Name of a blob in the `photos` container."""


_BODIES: TypeAdapter[Any] = TypeAdapter(
    Annotated[RegisterShipment | CaptureEvents | AddComment, Field(discriminator="kind")])
KINDS = ("register-shipment", "capture-events", "add-comment")


class Command(BaseModel):
    """One accepted request; `id` makes applying it twice the same as once."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    kind: Literal["register-shipment", "capture-events", "add-comment"]
    epoch: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    accepted_at: AwareDatetime
    body: dict[str, Any] | None = None
    body_ref: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")] | None = None

    @model_validator(mode="after")
    def _one_body(self) -> "Command":
        if (self.body is None) == (self.body_ref is None):
            raise ValueError("exactly one of body and bodyRef is needed")
        try:
            orjson.dumps(self.body)
        except TypeError as error:
            raise ValueError(f"the body cannot be written as JSON again: {error}") from None
        return self

    @property
    def digest(self) -> str | None:
        """Of the body; None while that lies elsewhere."""
        return sha256(orjson.dumps(self.body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32] if self.body else None

    def encode(self) -> bytes:
        """The envelope's JSON; ValueError when the body holds what JSON cannot."""
        return orjson.dumps(self.model_dump(mode="json", by_alias=True, exclude_none=True))

    def content(self) -> Any:
        """The body as its own model; raises Refusal when it does not hold."""
        try:
            return _BODIES.validate_python({**(self.body or {}), "kind": self.kind})
        except ValidationError as error:
            raise Refusal.of(error) from None


def new_command(body: Body, *, region: str, epoch: int = 0, key: str | None = None) -> Command:
    """The envelope of a request accepted now in `region`; `key` is the request's `Idempotency-Key`."""
    command_id = id_of_key(key, body.kind) if key else new_id()
    content = body.named(command_id).model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"kind"})
    return Command(id=command_id, kind=body.kind, epoch=epoch, region=region, accepted_at=datetime.now(UTC),
                   body=content)


def decode(message: bytes) -> Command:
    """A queue message -> Command; raises Refusal for what is not JSON, not an envelope or of an unknown kind."""
    try:
        value = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise Refusal(f"not JSON: {error}") from None
    if isinstance(value, dict) and value.get("kind") not in KINDS:
        raise Refusal(f"unknown command {str(value.get('kind'))[:60]!r}; known are {', '.join(KINDS)}")
    try:
        return Command.model_validate(value)
    except ValidationError as error:
        raise Refusal.of(error) from None
