"""Documents that are accepted come back unchanged in meaning; documents that are not are told why, by path."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipments.epcis import Refused, parse, query_document, read_json
from shipments.epcis.events import MODELS

OWN = Path(__file__).parent / "documents"
GS1 = Path(__file__).parents[4] / "shared" / "epcis"
ACCEPTED = sorted([*OWN.glob("*.json"), *GS1.glob("*.jsonld")])
NOW = "2026-01-01T00:00:00Z"


def document(*events: Any, **changes: Any) -> dict[str, Any]:
    return {"@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", "type": "EPCISDocument",
            "schemaVersion": "2.0", "creationDate": NOW, "epcisBody": {"eventList": list(events)}} | changes


def event(**changes: Any) -> dict[str, Any]:
    return {"type": "ObjectEvent", "eventTime": NOW, "eventTimeZoneOffset": "+00:00", "action": "OBSERVE",
            "epcList": ["urn:epc:id:sscc:0614141.1234567890"]} | changes


def problems(value: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        parse(value)
    return [(problem.pointer, problem.reason) for problem in refused.value.problems]


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_a_document_comes_back_unchanged_in_meaning(path: Path) -> None:
    sent = read_json(path.read_bytes())
    events = parse(sent)
    answer = query_document([event.body for event in events])
    returned = answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    for original, given in zip(sent["epcisBody"]["eventList"], returned, strict=True):
        assert given | original == given, "every member that was sent is there with its value"
        assert given.keys() - original.keys() <= {"eventID"}, "nothing is added but an id"
    for entry in sent["@context"] if isinstance(sent["@context"], list) else [sent["@context"]]:
        assert entry in answer["@context"], "prefixes keep their meaning"


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_what_was_answered_can_be_captured_again(path: Path) -> None:
    events = parse(read_json(path.read_bytes()))
    again = parse(query_document([event.body for event in events]))
    assert [event.id for event in again] == [event.id for event in events], "the same events keep their ids"
    assert [event.things for event in again] == [event.things for event in events], "and what they are about"


def test_the_repository_has_documents_of_its_own_for_all_event_types() -> None:
    kinds = {event.type for path in OWN.glob("*.json") for event in parse(read_json(path.read_bytes()))}
    assert kinds >= set(MODELS), f"a type is missing among {kinds}"


def test_an_event_without_an_id_gets_the_same_one_every_time() -> None:
    first, second = (parse(document(event(), event()))[0].id for _ in range(2))
    assert first == second, "a document that is sent again makes no second event"
    assert first.startswith("urn:uuid:"), "an id is a URI"
    twice = parse(document(event(), event()))
    assert twice[0].id != twice[1].id, "two events of one document stay two"


def test_a_record_time_does_not_change_an_events_identity() -> None:
    assert parse(document(event()))[0].id == parse(document(event(recordTime=NOW)))[0].id, "it is the receiver's to set"


def test_prefixes_that_two_documents_define_differently_stay_with_their_events() -> None:
    one, other = (parse(document(event(**{"a:b": 1}), **{"@context": [{"a": f"https://{name}.example/"}]}))[0].body
                  for name in ("one", "other"))
    answer = query_document([one, other])
    first, second = answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert "@context" not in first and {"a": "https://one.example/"} in answer["@context"], "the first is shared"
    assert second["@context"] == [{"a": "https://other.example/"}], "the other one keeps its own"


def test_every_spelling_of_a_business_step_is_one_step() -> None:
    web = parse(document(event(bizStep="https://ref.gs1.org/cbv/BizStep-shipping")))[0]
    assert web.biz_step == "shipping", "queries and states go by the short name"
    assert web.body["bizStep"] == "https://ref.gs1.org/cbv/BizStep-shipping", "what is given back is what was sent"


def test_a_single_event_with_a_context_is_a_document_too() -> None:
    assert len(parse(event() | {"@context": "https://example.com/"})) == 1, "GS1's schema takes it"
    assert problems(event()) == [("", "'@context' is missing; an event outside of a document must carry it")]


@pytest.mark.parametrize(("bad", "path", "reason"), [
    ([], "", "must be an object"),
    ({"type": "Nonsense"}, "", "'@context' is missing"),
    (document(schemaVersion=2), "/schemaVersion", "must be a text, got 2"),
    (document(creationDate="yesterday"), "/creationDate", "not a time"),
    (document(epcisBody={}), "/epcisBody", "'eventList' is missing"),
    (document(3), "/epcisBody/eventList/0", "must be an object, got 3"),
    (document(event(), event(eventTime="2026-02-30T00:00:00Z")), "/epcisBody/eventList/1/eventTime", "out of range"),
    (document(event(eventTimeZoneOffset="+15:00")), "/epcisBody/eventList/0/eventTimeZoneOffset", "'+15:00'"),
    (document(event(action="LOOK")), "/epcisBody/eventList/0/action", "'OBSERVE', 'ADD' or 'DELETE', got 'LOOK'"),
    (document(event(bizStep="flying")), "/epcisBody/eventList/0/bizStep", "CBV short name of a business step"),
    (document(event(bizStep=None)), "/epcisBody/eventList/0/bizStep", "must be a text, got None"),
    (document(event(epcList=["x"])), "/epcisBody/eventList/0/epcList/0", "not a URI"),
    (document(event(epcList=["a:b", "a:b"])), "/epcisBody/eventList/0/epcList", "listed twice"),
    (document(event(ilmd={"a:b": 1})), "/epcisBody/eventList/0", "'ilmd' is allowed with action ADD only"),
    (document(event(mine=1)), "/epcisBody/eventList/0/mine", "not a URI"),
    (document(event(readPoint={})), "/epcisBody/eventList/0/readPoint", "'id' is missing"),
    (document(event(quantityList=[{"epcClass": "a:b", "a/b~c": 1}])), "/epcisBody/eventList/0/quantityList/0/a~1b~0c",
     "not a member"),
    (document(event(quantityList=[{"epcClass": "a:b", "quantity": True}])),
     "/epcisBody/eventList/0/quantityList/0/quantity", "must be a number"),
    (document({k: v for k, v in event().items() if k != "epcList"}), "/epcisBody/eventList/0", "give 'epcList'"),
    (document(event(type="AggregationEvent")), "/epcisBody/eventList/0/epcList", "not a URI"),
    (document(event(note={"deep": "\x00"})), "/epcisBody/eventList/0/note/deep", "U+0000 cannot be stored"),
], ids=lambda value: str(value)[:40] if isinstance(value, str) else "")
def test_a_refusal_names_the_path_and_the_reason(bad: Any, path: str, reason: str) -> None:
    found = problems(bad)
    assert any(pointer == path and reason in said for pointer, said in found), f"{path}: {reason} is among {found}"


def test_problems_of_every_event_are_told_at_once() -> None:
    found = problems(document(event(action="A"), event(), event(action="B")))
    assert [pointer for pointer, _ in found] == [f"/epcisBody/eventList/{place}/action" for place in (0, 2)], found


def test_a_thousand_problems_do_not_make_a_thousand_lines() -> None:
    assert len(problems(document(*[event(action="A")] * 1000))) == 50, "an answer stays short"


@pytest.mark.parametrize(("body", "reason"), [
    (b"", "not JSON"), (b"{", "line 1, column 2"),
    (b"\xff\xfe{\x00}\x00", "not UTF-8"), (b'"\xed\xa0\x80"', "not UTF-8"),
    (b"[NaN]", "NaN is not a JSON number"), (b"[-Infinity]", "-Infinity"), (b"[1e999]", "64-bit float"),
    (b"[123456789012345678901]", "beyond 64 bits"), (b"[" + b"9" * 5000 + b"]", "beyond 64 bits"),
    (b'"\\u0000"', "U+0000"), (b'{"a\\u0000": 1}', "U+0000"), (b'"\\ud800"', "U+D800"),
    (b"[" * 100_000, "deeper than 64"), (b"[" * 65 + b"]" * 65, "deeper than 64"),
    (b'{"a": 1, "a": 2}', "occurs twice"), (b"{} {}", "not JSON")], ids=range(16))
def test_json_that_cannot_be_kept_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read_json(body)
    assert reason in str(refused.value), f"{reason!r} is told, not {refused.value}"


def test_json_of_every_kind_is_read_as_it_is() -> None:
    text = '{"ü": [1, -2.5, 1e20, true, null, "\\ud83d\\ude00", 18446744073709551615, {"a": ""}]}'
    assert read_json(b"\xef\xbb\xbf" + text.encode()) == json.loads(text), "a byte order mark is no part of it"
