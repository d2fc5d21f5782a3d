"""The parts that events are made of: quantities, places, transactions, sources, sensors, error declarations."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from shipments.epcis.formats import UNIQUE_ITEMS, HexBinary, Object, Strict, Text, Time, Unique, UnitOfMeasure, Uri
from shipments.epcis.vocabulary import (
    Alert,
    Component,
    Disposition,
    ErrorReason,
    Measurement,
    PartyType,
    TransactionType,
)

Action = Literal["OBSERVE", "ADD", "DELETE"]


class Closed(Strict):
    """A part that may not be extended."""

    model_config = ConfigDict(extra="forbid")


class Extensible(Strict):
    """A part that may carry members whose names are URIs or prefixed names."""

    __pydantic_extra__: dict[Uri, Any]


class Quantity(Closed):
    epcClass: Uri
    quantity: float = 0.0
    uom: UnitOfMeasure = ""


class BizTransaction(Closed):
    bizTransaction: Uri
    type: TransactionType = ""


class Source(Closed):
    type: PartyType
    source: Uri


class Destination(Closed):
    type: PartyType
    destination: Uri


class Location(Strict):
    """A read point or business location; GS1's schema puts no rule on its further members."""

    id: Uri


class PersistentDisposition(Closed):
    set: Annotated[list[Disposition], Field(min_length=1), Unique, UNIQUE_ITEMS] = []
    unset: Annotated[list[Disposition], Field(min_length=1), Unique, UNIQUE_ITEMS] = []

    @model_validator(mode="after")
    def _says_something(self) -> "PersistentDisposition":
        if not self.model_fields_set:
            raise PydanticCustomError("missing", "give 'set', 'unset' or both")
        return self


class ErrorDeclaration(Extensible):
    declarationTime: Time
    reason: ErrorReason = ""
    correctiveEventIDs: list[Uri] = []


class SensorMetadata(Extensible):
    time: Time = ""
    startTime: Time = ""
    endTime: Time = ""
    deviceID: Uri = ""
    deviceMetadata: Uri = ""
    rawData: Uri = ""
    dataProcessingMethod: Uri = ""
    bizRules: Uri = ""


class SensorReport(Extensible):
    type: Measurement
    exception: Alert = ""
    time: Time = ""
    deviceID: Uri = ""
    deviceMetadata: Uri = ""
    rawData: Uri = ""
    dataProcessingMethod: Uri = ""
    bizRules: Uri = ""
    microorganism: Uri = ""
    chemicalSubstance: Uri = ""
    coordinateReferenceSystem: Uri = ""
    component: Component = ""
    value: float = 0.0
    minValue: float = 0.0
    maxValue: float = 0.0
    meanValue: float = 0.0
    sDev: float = 0.0
    percRank: float = 0.0
    percValue: float = 0.0
    uom: Text = ""
    stringValue: Text = ""
    booleanValue: bool = False
    hexBinaryValue: HexBinary = ""
    uriValue: Uri = ""


class SensorElement(Extensible):
    sensorReport: Annotated[list[SensorReport], Field(min_length=1)]
    sensorMetadata: SensorMetadata = SensorMetadata()


class Attribute(Strict):
    """A master data attribute; the schema names its value `attribute`: a number, text or object."""

    id: Uri
    attribute: float | Text | Object = ""


class VocabularyElement(Strict):
    id: Uri
    attributes: list[Attribute] = []
    children: list[Uri] = []


class Vocabulary(Strict):
    type: Uri
    vocabularyElementList: list[VocabularyElement] = []


class MasterData(Strict):
    vocabularyList: list[Vocabulary] = []


class Header(Extensible):
    epcisMasterData: MasterData = MasterData()
