"""EPCIS 2.0's query interface: events by the standard's parameters, or one by its id."""

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.api.documentation import errors, parameters, query
from portal.api.gs1 import DISCOVERY, GS1, PAGING, check_request, next_page
from portal.problems import Trouble
from shipments.epcis import query_document
from shipments.eventquery import EventQuery
from shipments.models import EventPage

router = APIRouter(tags=["EPCIS"])

WORD = r"[^\x00|]*[^\x00|\s][^\x00|]*"
WORDS = {"type": "string", "pattern": rf"^{WORD}(\|{WORD})*$"}
TIME = {"type": "string", "format": "date-time"}
FILTERS = parameters(
    query("eventType", WORDS, "Types, separated by |"),
    *(query(name, TIME, "An RFC 3339 time")
      for name in ("GE_eventTime", "LT_eventTime", "GE_recordTime", "LT_recordTime")),
    *(query(f"EQ_{name}", WORDS, "Values, separated by |; the event has one of them")
      for name in ("action", "bizStep", "disposition", "readPoint", "bizLocation", "eventID", "bizTransaction_po")),
    *(query(f"MATCH_{name}", WORDS, "EPCs, separated by |; one is in the event; a final * stands for any serial")
      for name in ("epc", "parentID", "inputEPC", "outputEPC", "anyEPC",
                   "epcClass", "inputEPCClass", "outputEPCClass", "anyEPCClass")),
    query("orderBy", {"enum": ["eventTime", "recordTime"]}, "What to order by"),
    query("orderDirection", {"enum": ["ASC", "DESC"]}, "Newest first unless ASC"),
    *PAGING["parameters"])
QUERY_DOCUMENT = {"description": "An EPCISQueryDocument", "content": {"application/json": {
    "schema": {"type": "object", "required": ["@context", "type", "epcisBody"]}}}}


@router.get("/api/events", responses={200: QUERY_DOCUMENT} | errors(400, 404, 406, 503), openapi_extra=FILTERS)
async def events(request: Request) -> Response:
    """The events that meet every parameter, as an EPCISQueryDocument; the Link header leads to the next page."""
    check_request(request)
    page = await request.app.state.shipments.events(EventQuery.parse(request.query_params.multi_items()))
    return _document(page, next_page(request, page.next_page_token))


@router.get("/api/events/{event_id:path}", responses={200: QUERY_DOCUMENT} | errors(404, 406, 503))
async def event(event_id: str, request: Request) -> Response:
    """One event by its id (percent-encoded, or as it is) with the declarations that it was wrong, if any."""
    check_request(request)
    given = f"{event_id}?{request.url.query}" if request.url.query else event_id
    page = await _find(request, given) if "\x00" not in given else None
    if page is None or not page.events:
        raise Trouble(404, f"no event {given[:100]!r} is known here")
    return _document(page)


@router.options("/api/events", status_code=204, include_in_schema=False)
async def discover() -> Response:
    return Response(None, 204, {**DISCOVERY, "Allow": "GET, OPTIONS"})


async def _find(request: Request, event_id: str) -> EventPage:
    return await request.app.state.shipments.events(EventQuery(columns={"event_id": (event_id,)}))


def _document(page: EventPage, headers: dict[str, str] | None = None) -> Response:
    body = orjson.dumps(query_document(page.events))
    return Response(body, 200, GS1 | (headers or {}), "application/json")
