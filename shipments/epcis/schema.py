"""The JSON schema of what `parse` accepts, made from the models, for the API's documentation.

A test holds it to GS1's own schema; the rules between members, which the models check in code, are told here once more.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shipments.epcis.documents import Document, QueryDocument
from shipments.epcis.events import MODELS, ExtendedEvent
from shipments.epcis.formats import NO_NUL, URI_SCHEMA
from shipments.epcis.parts import Extensible

Spec = dict[str, Any]


def needs(*names: str) -> Spec:
    return {"required": list(names)}


def filled(name: str) -> Spec:
    """A list that is there with at least one entry."""
    return {"required": [name], "properties": {name: {"minItems": 1}}}


def action(*values: str) -> Spec:
    return {"properties": {"action": {"enum": list(values)}}}


def either(*cases: Spec) -> Spec:
    return {"anyOf": list(cases)}


def both(*parts: Spec) -> Spec:
    return {"allOf": list(parts)}


NO_ILMD = {"not": needs("ilmd")}
INPUTS, OUTPUTS = (either(filled(f"{side}EPCList"), filled(f"{side}QuantityList")) for side in ("input", "output"))
CHILDREN = either(filled("childEPCs"), filled("childQuantityList"), action("DELETE"))
RULES: dict[str, Spec] = {
    "ObjectEvent": both(
        either(needs("epcList"), filled("quantityList"), both(filled("sensorElementList"), needs("readPoint"))),
        either(NO_ILMD, action("ADD"))),
    "AggregationEvent": CHILDREN,
    "AssociationEvent": CHILDREN,
    "TransactionEvent": either(needs("epcList"), filled("quantityList"), action("DELETE")),
    "TransformationEvent": either(both(INPUTS, OUTPUTS), both(needs("transformationID"), either(INPUTS, OUTPUTS))),
    "ExtendedEvent": {"not": {"properties": {"type": {"enum": list(MODELS)}}}},
    "PersistentDisposition": either(needs("set"), needs("unset")),
}


def document_schema(prefix: str = "#/$defs/") -> tuple[Spec, Spec]:
    """(schema of a document, definitions that it refers to as `<prefix><name>`)."""
    events: list[type[BaseModel]] = [*MODELS.values(), ExtendedEvent]
    models = [Document, QueryDocument, *events]
    _, made = models_json_schema([(model, "validation") for model in models], ref_template=f"{prefix}{{model}}")
    definitions = made["$defs"]
    for model in _known(models):
        if issubclass(model, Extensible):
            names = list(definitions[model.__name__].get("properties", {}))
            definitions[model.__name__]["propertyNames"] = {"anyOf": [{"enum": names}, URI_SCHEMA]}
    for name, rule in RULES.items():
        definitions[name] |= rule
    definitions["Event"] = {"anyOf": [{"$ref": f"{prefix}{model.__name__}"} for model in events]}
    for body in ("Body", "ResultsBody"):
        definitions[body]["properties"]["eventList"]["items"] = {"$ref": f"{prefix}Event"}
    definitions["Json"] = json_schema(f"{prefix}Json")
    alone = {"allOf": [{"$ref": f"{prefix}Event"}, needs("@context")]}
    documents = [{"$ref": f"{prefix}{model.__name__}"} for model in (Document, QueryDocument)]
    return {"anyOf": [*documents, alone]}, _plain(definitions, f"{prefix}Json", names=True)


def json_schema(itself: str) -> Spec:
    """Any JSON that can be stored (strictjson.py): no text in it holds U+0000."""
    text = {"type": "string", "pattern": NO_NUL}
    return {"anyOf": [
        {"type": ["null", "boolean", "number"]}, text, {"type": "array", "items": {"$ref": itself}},
        {"type": "object", "propertyNames": text, "additionalProperties": {"$ref": itself}}]}


def _known(models: list[type[BaseModel]]) -> set[type[BaseModel]]:
    """These models and those that their members are made of."""
    found: set[type[BaseModel]] = set()
    waiting: list[Any] = list(models)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            waiting += [] if kind in found else [member.annotation for member in kind.model_fields.values()]
            found.add(kind)
        else:
            waiting += getattr(kind, "__args__", ())
    return found


def _plain(schema: Any, anything: str, names: bool = False) -> Any:
    """Without titles and defaults, as what is left out is not filled in; further members may be anything."""
    if isinstance(schema, list):
        return [_plain(entry, anything) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _plain(member, anything, name == "properties") for name, member in schema.items()
             if names or name not in ("title", "default", "description")}
    if plain.get("type") == "object" and plain.get("additionalProperties", True) is True:
        plain |= {"additionalProperties": {"$ref": anything}}
        plain.setdefault("propertyNames", {"pattern": NO_NUL})
    return plain
