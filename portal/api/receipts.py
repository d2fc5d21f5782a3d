"""How a command is answered: 202 with where to follow it, or its result if the caller prefers to wait."""

from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from portal.accepting import accept, outcome
from portal.preferences import Preferences, preferences
from portal.problems import Trouble
from shipments.commands import Body
from shipments.epcis import Problem
from shipments.errors import Refusal
from shipments.models import Accepted, CommandResult, View


class Receipt(View):
    """A command that is durable. `id` is what the caller asks for next: the shipment's id, or the capture job's."""

    id: str
    command: str
    status: Literal["accepted", "applied"]
    durability: Literal["one-region", "two-regions"]
    shipment: str | None = None
    links: dict[str, str] = Field(description="Where to go next: `command`, and `shipment` or `capture`.")


async def submit(request: Request, body: Body, done: int, photo: bytes | None = None) -> Response:
    """Makes the command, and its photo, durable; `done` is the status of one that was applied while the caller
    waited."""
    wishes = preferences(request)
    try:
        accepted = await accept(request, body, wishes.key, photo)
    except Refusal as reused:
        raise Trouble(409, str(reused)) from None
    result = await outcome(request, accepted, wishes.wait) if wishes.wait else None
    if result and result.status == "refused":
        raise refusal(result)
    return _answer(accepted, result, wishes, done)


def refusal(result: CommandResult) -> Trouble:
    """422: it is durable and known, but can never be applied."""
    return Trouble.bad([Problem(finding.pointer, finding.reason) for finding in result.errors], 422)


def _answer(accepted: Accepted, result: CommandResult | None, wishes: Preferences, done: int) -> Response:
    applied = result is not None and result.status == "applied"
    where = f"/api/shipments/{accepted.shipment}" if accepted.shipment else f"/api/capture/{accepted.id}"
    links = {"command": f"/api/commands/{accepted.id}", "shipment" if accepted.shipment else "capture": where}
    receipt = Receipt(id=accepted.shipment or accepted.id, command=accepted.id, shipment=accepted.shipment, links=links,
                      status="applied" if applied else "accepted", durability=accepted.durability)
    headers = {"Location": where, "Shipment-Durability": accepted.durability, "Cache-Control": "no-store"}
    return json_response(receipt, done if applied else 202, headers | wishes.applied)


def json_response(view: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A model as JSON, by its public names, without what is not there."""
    return Response(view.model_dump_json(by_alias=True, exclude_none=True), status, headers, "application/json")
