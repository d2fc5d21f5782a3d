"""Registering, tracking and commenting shipments, and following any command."""

from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from portal.api.documentation import COMMAND_PARAMETERS, errors, json_body, receipts
from portal.api.receipts import json_response, submit
from portal.api.schemas import COMMENT, REGISTRATION
from portal.bodies import read_json_body
from portal.problems import Trouble
from shipments.commands import AddComment, Body, RegisterShipment
from shipments.errors import Refusal
from shipments.ids import InvalidId
from shipments.models import CommandResult, Shipment

LARGEST = 65_536
"""Bytes of a registration or comment; the longest that their limits allow is well below."""

router = APIRouter(tags=["shipments"])


@router.post("/api/shipments", status_code=202, responses=receipts(201) | errors(400, 409, 413, 415, 422, 503),
             openapi_extra=json_body(REGISTRATION) | COMMAND_PARAMETERS)
async def register(request: Request) -> Response:
    """Announce a shipment. Without `trackingNumber` and `sscc` it is given a tracking number."""
    return await submit(request, await _body(request, RegisterShipment), done=201)


@router.head("/api/shipments/{shipment_id}", include_in_schema=False)
@router.get("/api/shipments/{shipment_id}", response_model=Shipment,
            responses={304: {"description": "Not changed"}} | errors(404, 503))
async def track(shipment_id: str, request: Request) -> Response:
    """A shipment with its timeline, by tracking number or SSCC in any spelling."""
    try:
        if error := request.scope.get("tracking_error"):
            raise error
        found = await request.app.state.shipments.shipment_json(shipment_id)
    except InvalidId as error:
        raise Trouble(404, str(error)) from None
    if found is None:
        raise Trouble(404, f"no shipment {shipment_id[:60]!r} is known here; a new one may take a second")
    return Response(found, media_type="application/json")


@router.post("/api/shipments/{shipment_id}/comments", status_code=202,
             responses=receipts(201) | errors(400, 404, 409, 413, 415, 422, 503),
             openapi_extra=json_body(COMMENT) | COMMAND_PARAMETERS)
async def comment(shipment_id: str, request: Request) -> Response:
    """Write something to a shipment."""
    return await submit(request, await _body(request, AddComment, shipment=shipment_id), done=201)


@router.get("/api/commands/{command_id}", response_model=CommandResult, responses=errors(404, 503))
async def command(command_id: str, request: Request) -> Response:
    """What became of a command: `accepted`, `applied`, or `refused` with its errors."""
    result = await request.app.state.shipments.result(command_id)
    if result is None:
        raise Trouble(404, f"no command {command_id[:60]!r} is known here")
    return json_response(result, headers={"Cache-Control": "no-store"})


def checked(value: Any, model: type[Body], **given: Any) -> Body:
    """What was sent, and what the address gives, as the command's body; raises Trouble."""
    if not isinstance(value, dict):
        raise Trouble(400, "the body must be a JSON object")
    if unexpected := {"kind", *given} & value.keys():
        raise Trouble(400, f"the body may not have {', '.join(sorted(unexpected))}")
    try:
        return model.model_validate(value | given)
    except ValidationError as error:
        if any(found["loc"][:1] == (name,) for found in error.errors() for name in given):
            raise Trouble(404, "; ".join(f"{value[:60]!r} names no {name}" for name, value in given.items())) from None
        raise Trouble.bad(Refusal.of(error).problems) from None


async def _body(request: Request, model: type[Body], **given: Any) -> Body:
    return checked(await read_json_body(request, LARGEST, ("application/json",)), model, **given)
