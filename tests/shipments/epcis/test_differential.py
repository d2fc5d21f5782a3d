"""The reader against GS1's own schema: it accepts what the schema accepts and refuses what it refuses; so does our own.

Needs GS1's files beside the checkout (shared/epcis); skipped without them.
"""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipments.epcis import Refused, parse
from shipments.epcis.schema import document_schema

ORACLE = Path(__file__).parents[4] / "shared" / "epcis"
SCHEMA = ORACLE / "EPCIS-JSON-Schema.json"
jsonschema_rs = pytest.importorskip("jsonschema_rs")
pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason="GS1's schema is not beside this checkout")

EVENT = {"type": "ObjectEvent", "eventTime": "2026-01-01T00:00:00Z", "eventTimeZoneOffset": "+00:00",
         "action": "ADD", "epcList": ["urn:a:b"]}
MORE_EVENTS = [
    {**EVENT, "type": "TransformationEvent", "inputEPCList": ["urn:a:1"],
     "outputQuantityList": [{"epcClass": "urn:a:c"}], "transformationID": "urn:t:1",
     "persistentDisposition": {"set": ["active"]}, "ilmd": {"ext:a": 1}},
    {**EVENT, "type": "TransactionEvent", "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:y"}]},
    {**EVENT, "type": "AggregationEvent", "parentID": "urn:p:1", "childEPCs": ["urn:c:1"]},
    {**EVENT, "type": "AssociationEvent", "parentID": "urn:p:1", "childQuantityList": [{"epcClass": "urn:c:1"}]},
    {**EVENT, "type": "urn:my:event", "anything": [1]},
]
SMALL = [{"type": "EPCISDocument", "@context": ["https://ref.gs1.org/x"], "schemaVersion": "2.0",
          "creationDate": "2026-01-01T00:00:00Z", "epcisBody": {"eventList": [event]}} for event in MORE_EVENTS]
SMALL += [event | {"@context": "https://ref.gs1.org/x"} for event in MORE_EVENTS]
SMALL += [{"type": "EPCISQueryDocument", "@context": [], "epcisBody": {"queryResults": {
    "queryName": "q", "resultsBody": {"eventList": MORE_EVENTS}}}}]
SMALL[0]["epcisHeader"] = {"epcisMasterData": {"vocabularyList": [{"type": "urn:v:1", "vocabularyElementList": [
    {"id": "urn:e:1", "attributes": [{"id": "urn:a:1", "attribute": 1}], "children": ["urn:e:2"]}]}]}}

VALUES = [
    None, True, False, 0, 1, 1.5, -1, "", "x", "urn:a:b", "ext:a", "a b", "2026-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "+14:00", "+14:01", "KGM", "kgm", "ADD", "OBSERVE", "DELETE",
    "shipping", "po", "active", "location", "Temperature", "urn:epcglobal:cbv:bizstep:shipping",
    "https://ref.gs1.org/cbv/BizStep-shipping", "https://ns.gs1.org/cbv/x", "https://gs1.org/voc/x",
    "incorrect_data", "f0", "2.0", [], {}, [[]], [{}], ["urn:a:b"], ["urn:a:b", "urn:a:b"], {"id": "urn:a:b"},
    {"set": ["active"]}, [1, 1.0], [1, True], {"ext:b": 1}, ["active"]]
NAMES = [
    "ext:a", "foo", "ilmd", "epcList", "quantityList", "action", "type", "id", "@context", "recordTime", "eventID",
    "parentID", "childEPCs", "bizStep", "readPoint", "sensorElementList", "errorDeclaration", "certificationInfo",
    "transformationID", "persistentDisposition", "disposition", "uom", "set", "unset", "sensorReport", "inputEPCList"]


def documents() -> list[Any]:
    return [*(json.loads(path.read_text()) for path in sorted(ORACLE.glob("*.jsonld"))), *copy.deepcopy(SMALL)]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, member in inner for place in places(member, (*path, name)))]


def change(document: Any, place: tuple[Any, ...], how: str, name: str, value: Any) -> Any:
    """The document with one value replaced, removed, doubled, renamed or joined by a further member."""
    *way, last = place
    holder = document
    for part in way:
        holder = holder[part]
    target = holder[last]
    if how == "replace":
        holder[last] = value
    elif how == "add" and isinstance(target, dict):
        target[name] = value
    elif how == "add" and isinstance(target, list):
        target.append(value)
    elif how == "double" and isinstance(target, list) and target:
        target.append(copy.deepcopy(target[0]))
    elif how == "rename" and isinstance(holder, dict):
        holder[name] = holder.pop(last)
    else:
        del holder[last]
    return document


@st.composite
def changed(draw: st.DrawFn) -> Any:
    document = draw(st.sampled_from(documents()))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(places(document)[1:] or [()]))
        if place:
            document = change(document, place, draw(st.sampled_from(["replace", "add", "double", "rename", "remove"])),
                              draw(st.sampled_from(NAMES)), copy.deepcopy(draw(st.sampled_from(VALUES))))
    return document


@pytest.fixture(scope="module")
def schema() -> Any:
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()), validate_formats=True)


@cache
def own_schema() -> Any:
    schema, definitions = document_schema()
    return jsonschema_rs.validator_for(schema | {"$defs": definitions}, validate_formats=True)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=changed())
def test_the_reader_and_the_schema_agree(schema: Any, document: Any) -> None:
    try:
        parse(document)
        said = ""
    except Refused as refused:
        said = str(refused)
    for whose, judge in (("GS1's", schema), ("our", own_schema())):
        assert judge.is_valid(document) == (not said), (
            f"{whose} schema: {[str(error)[:200] for error in judge.iter_errors(document)][:3]}; reader: {said}")
