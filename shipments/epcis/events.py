"""The five event types of EPCIS 2.0 and the open sixth: an event type of somebody's own, named by a URI.

The models check; what is kept and given back is the JSON that came (see event.py). What a type requires beyond single
members is told per class, after GS1's JSON schema.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shipments.epcis.formats import UNIQUE_ITEMS, Context, Offset, Strict, Time, Unique, Uri, Uris
from shipments.epcis.parts import (
    Action,
    BizTransaction,
    Destination,
    ErrorDeclaration,
    Extensible,
    Location,
    PersistentDisposition,
    Quantity,
    SensorElement,
    Source,
)
from shipments.epcis.vocabulary import BizStep, Disposition

UniqueUris = Annotated[list[Uri], Unique, UNIQUE_ITEMS]
ABSENT: Any = None


class Common(Strict):
    """What every event has: when it happened; optionally its id, record time and a declaration that it was wrong."""

    eventTime: Time
    eventTimeZoneOffset: Offset
    recordTime: Time = ""
    eventID: Uri = ""
    certificationInfo: Uris = ""
    errorDeclaration: ErrorDeclaration = ABSENT
    context: Context = Field(default=ABSENT, alias="@context")

    def gives(self, *names: str) -> bool:
        """Whether one of these lists is there with something in it."""
        return any(getattr(self, name) for name in names if name in self.model_fields_set)


class Business(Common, Extensible):
    """What the five standard types share: the business step, its place, its papers and its sensors."""

    bizStep: BizStep = ""
    disposition: Disposition = ""
    readPoint: Location = ABSENT
    bizLocation: Location = ABSENT
    bizTransactionList: list[BizTransaction] = []
    sourceList: list[Source] = []
    destinationList: list[Destination] = []
    sensorElementList: list[SensorElement] = []


class ObjectEvent(Business):
    """Things were seen, made or ended. Needs `epcList` (may be empty), or quantities, or sensors with a read point."""

    type: Literal["ObjectEvent"]
    action: Action
    epcList: UniqueUris = []
    quantityList: list[Quantity] = []
    persistentDisposition: PersistentDisposition = ABSENT
    ilmd: dict[Uri, Any] = ABSENT

    @model_validator(mode="after")
    def _complete(self) -> "ObjectEvent":
        if self.ilmd is not ABSENT and self.action != "ADD":
            raise PydanticCustomError("ilmd", "'ilmd' is allowed with action ADD only, got {action}",
                                      {"action": self.action})
        sensed = self.gives("sensorElementList") and self.readPoint is not ABSENT
        if "epcList" not in self.model_fields_set and not self.gives("quantityList") and not sensed:
            raise PydanticCustomError("incomplete", "give 'epcList', a 'quantityList' with entries, or "
                                      "a 'sensorElementList' with entries and a 'readPoint'")
        return self


class ChildrenEvent(Business):
    """Children join or leave a parent. Needs children or quantities of them, unless the action is DELETE."""

    action: Action
    parentID: Uri = ""
    childEPCs: list[Uri] = []
    childQuantityList: list[Quantity] = []

    @model_validator(mode="after")
    def _complete(self) -> "ChildrenEvent":
        if self.action != "DELETE" and not self.gives("childEPCs", "childQuantityList"):
            raise PydanticCustomError("incomplete", "give 'childEPCs' or 'childQuantityList' with entries "
                                      "(only action DELETE may leave both out)")
        return self


class AggregationEvent(ChildrenEvent):
    type: Literal["AggregationEvent"]


class AssociationEvent(ChildrenEvent):
    type: Literal["AssociationEvent"]
    parentID: Uri


class TransactionEvent(Business):
    """Things became part of a business transaction. Needs `epcList` (may be empty) or quantities, unless DELETE."""

    type: Literal["TransactionEvent"]
    action: Action
    bizTransactionList: Annotated[list[BizTransaction], Field(min_length=1)]
    parentID: Uri = ""
    epcList: list[Uri] = []
    quantityList: list[Quantity] = []

    @model_validator(mode="after")
    def _complete(self) -> "TransactionEvent":
        if self.action != "DELETE" and "epcList" not in self.model_fields_set and not self.gives("quantityList"):
            raise PydanticCustomError("incomplete", "give 'epcList' or a 'quantityList' with entries "
                                      "(only action DELETE may leave both out)")
        return self


class TransformationEvent(Business):
    """Inputs became outputs. Needs both in one event, or either of them with the `transformationID` of several."""

    type: Literal["TransformationEvent"]
    inputEPCList: UniqueUris = []
    inputQuantityList: list[Quantity] = []
    outputEPCList: UniqueUris = []
    outputQuantityList: list[Quantity] = []
    transformationID: Uri = ""
    persistentDisposition: PersistentDisposition = ABSENT
    ilmd: dict[Uri, Any] = ABSENT

    @model_validator(mode="after")
    def _complete(self) -> "TransformationEvent":
        inputs, outputs = (self.gives(f"{side}EPCList", f"{side}QuantityList") for side in ("input", "output"))
        tied = "transformationID" in self.model_fields_set
        if not (inputs and outputs) and not (tied and (inputs or outputs)):
            raise PydanticCustomError("incomplete", "give inputs and outputs, or one of them with a 'transformationID'")
        return self


class ExtendedEvent(Common):
    """An event type of somebody's own; only the common members have rules."""

    type: Uri


MODELS: dict[str, type[Common]] = {
    model.__name__: model
    for model in (ObjectEvent, AggregationEvent, TransactionEvent, TransformationEvent, AssociationEvent)}


def model_of(event_type: str) -> type[Common]:
    return MODELS.get(event_type, ExtendedEvent)
