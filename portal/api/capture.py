"""EPCIS 2.0's capture interface (https://ref.gs1.org/standards/epcis/2.0.0/, REST binding): all or nothing."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.api.documentation import COMMAND_PARAMETERS, errors, json_body, receipts
from portal.api.gs1 import DISCOVERY, GS1, LARGEST, MOST_EVENTS, PAGING, check_request, next_page, page_size
from portal.api.receipts import json_response, submit
from portal.api.schemas import EPCIS_DOCUMENT
from portal.bodies import JSON_TYPES, aside, read_json_body
from portal.problems import Trouble
from shipments.commands import CaptureEvents
from shipments.epcis import parse
from shipments.models import CaptureJob

router = APIRouter(tags=["EPCIS"])


@router.post("/api/capture", status_code=202, responses=receipts(200) | errors(400, 406, 409, 413, 415, 422, 503),
             openapi_extra=json_body(EPCIS_DOCUMENT, *JSON_TYPES) | COMMAND_PARAMETERS)
async def capture(request: Request) -> Response:
    """Capture a document: all of its events or, when one is refused, none."""
    check_request(request)
    document = await read_json_body(request, LARGEST)
    events = await aside(int(request.headers.get("content-length") or LARGEST), parse, document)
    if len(events) > MOST_EVENTS:
        raise Trouble(413, f"a document may have {MOST_EVENTS} events, this one has {len(events)}; send it in parts")
    response = await submit(request, CaptureEvents(document=document), done=200)
    response.headers.update(GS1)
    return response


@router.get("/api/capture", response_model=list[CaptureJob], responses=errors(400, 404, 406, 503), openapi_extra=PAGING)
async def jobs(request: Request) -> Response:
    """Finished capture jobs, newest first."""
    check_request(request)
    token = request.query_params.get("nextPageToken")
    page = await request.app.state.shipments.capture_jobs(page_size(request), token)
    body = b",".join(job.model_dump_json(by_alias=True, exclude_none=True).encode() for job in page.jobs)
    headers = GS1 | next_page(request, page.next_page_token)
    return Response(b"[%b]" % body, headers=headers, media_type="application/json")


@router.get("/api/capture/{capture_id}", response_model=CaptureJob, responses=errors(404, 406, 503))
async def job(capture_id: str, request: Request) -> Response:
    """What became of a document."""
    check_request(request)
    found = await request.app.state.shipments.capture_job(capture_id)
    if found is None:
        raise Trouble(404, f"no capture job {capture_id[:60]!r} is known here")
    return json_response(found, headers=GS1 | {"Cache-Control": "no-store"})


@router.options("/api/capture", status_code=204, include_in_schema=False)
async def discover() -> Response:
    """What the capture interface can, as EPCIS 2.0 lets clients ask."""
    return Response(None, 204, {**DISCOVERY, "Allow": "GET, OPTIONS, POST"})
