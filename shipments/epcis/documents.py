"""EPCIS documents in and out: three forms to capture (document, query result, single event), one to answer queries."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from shipments.epcis.event import STANDARD_CONTEXT, Event, made_id
from shipments.epcis.events import MODELS, model_of
from shipments.epcis.findings import problems_of
from shipments.epcis.formats import Context, Strict, Text, Time, Uri, Version, equality_key
from shipments.epcis.parts import Extensible, Header, Vocabulary
from shipments.epcis.problems import Problem, Refused, pointer
from shipments.epcis.strictjson import check_storable

Path = tuple[str | int, ...]


class Body(Strict):
    eventList: list[dict[str, Any]]


class Document(Extensible):
    """`EPCISDocument`: events on their way to whoever keeps them."""

    type: Literal["EPCISDocument"]
    context: Annotated[Context, Field(alias="@context")]
    schemaVersion: Version
    creationDate: Time
    epcisBody: Body
    id: Uri = ""
    instanceIdentifier: Text = ""
    sender: Text = ""
    receiver: Text = ""
    epcisHeader: Header = Header()


class ResultsBody(Extensible):
    eventList: list[dict[str, Any]]
    vocabularyList: list[Vocabulary] = []


class QueryResults(Extensible):
    queryName: Text
    resultsBody: ResultsBody
    subscriptionID: Text = ""


class QueryBody(Extensible):
    queryResults: QueryResults


class QueryDocument(Extensible):
    """`EPCISQueryDocument`: what a query answered; may be captured as it is."""

    type: Literal["EPCISQueryDocument"]
    context: Annotated[Context, Field(alias="@context")]
    epcisBody: QueryBody
    id: Uri = ""
    schemaVersion: Version = ""
    creationDate: Time = ""


FORMS: dict[str, tuple[type[Strict], Path]] = {
    "EPCISDocument": (Document, ("epcisBody", "eventList")),
    "EPCISQueryDocument": (QueryDocument, ("epcisBody", "queryResults", "resultsBody", "eventList")),
}


def parse(document: Any) -> list[Event]:
    """The events of a document in its order; raises Refused with the problems of the whole document.

    Accepts what GS1's JSON schema for EPCIS 2.0 accepts with its formats checked
    (https://ref.gs1.org/standards/epcis/2.0.0/epcis-json-schema.json), if it can be stored: see strictjson.py.
    """
    check_storable(document)
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise Refused([Problem(pointer("type") if isinstance(document, dict) else "",
                               f"must be an object whose 'type' is one of {', '.join([*FORMS, *MODELS])}")])
    model, where = FORMS.get(document["type"], (None, ()))
    events = _events_at(document, where) if model else {(): document}
    problems = list(problems_of(model, document, ()) if model else _context_problems(document))
    for path, event in events.items():
        problems += _event_problems(event, path)
    if problems:
        raise Refused(problems)
    context = document["@context"] if model else None
    return [_event(event, context, position) for position, event in enumerate(events.values())]


def query_document(events: list[dict[str, Any]], created: datetime | None = None) -> dict[str, Any]:
    """Bodies of events as an `EPCISQueryDocument`.

    Prefixes that the events brought along move to the document's `@context` where they agree; an event whose prefix
    means something else than an earlier one's keeps its own context.
    """
    context: list[Any] = [STANDARD_CONTEXT]
    return {
        "@context": context, "type": "EPCISQueryDocument", "schemaVersion": "2.0",
        "creationDate": (created or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "epcisBody": {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": {
            "eventList": [_without_shared_context(event, context) for event in events]}}},
    }


def _event(body: dict[str, Any], document_context: Any, index: int) -> Event:
    own = [entry for context in (document_context, body.get("@context")) for entry in _entries(context)
           if entry != STANDARD_CONTEXT]
    kept = {name: value for name, value in body.items() if name != "@context"}
    if own:
        kept = {"@context": own} | kept
    return Event(kept if "eventID" in body else kept | {"eventID": made_id(kept, index)})


def _without_shared_context(event: dict[str, Any], context: list[Any]) -> dict[str, Any]:
    own = event.get("@context")
    if own is None:
        return event
    merged = dict(_definitions(context))
    if any(equality_key(merged.setdefault(name, value)) != equality_key(value) for name, value in _definitions(own)):
        return event
    keys = {equality_key(entry) for entry in context}
    context += [entry for entry in _entries(own) if equality_key(entry) not in keys]
    return {name: value for name, value in event.items() if name != "@context"}


def _entries(context: Any) -> list[Any]:
    if context is None:
        return []
    return context if isinstance(context, list) else [context]


def _definitions(context: Any) -> Iterator[tuple[str, Any]]:
    for entry in _entries(context):
        if isinstance(entry, dict):
            yield from entry.items()


def _context_problems(document: dict[str, Any]) -> list[Problem]:
    """A single event stands without a document around it, so it has to carry the context itself."""
    missing = "@context" not in document
    return [Problem("", "'@context' is missing; an event outside of a document must carry it")] if missing else []


def _event_problems(event: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(event, dict):
        return  # the document's own model has told it already
    if not isinstance(event.get("type"), str):
        where = (*path, "type") if "type" in event else path
        yield Problem(pointer(*where), f"'type' must be one of {', '.join(MODELS)} or a URI")
        return
    yield from problems_of(model_of(event["type"]), event, path)


def _events_at(document: Any, path: Path) -> dict[Path, Any]:
    """The events by their place; none where the document has no such list (its own model tells that)."""
    for part in path:
        document = document.get(part) if isinstance(document, dict) else None
    return {(*path, index): event for index, event in enumerate(document)} if isinstance(document, list) else {}
