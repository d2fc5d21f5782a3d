"""Where the service stands in the region that answers."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.api.documentation import errors
from portal.api.receipts import json_response
from portal.health import Standing

router = APIRouter(tags=["operations"])


@router.get("/api/state", response_model=Standing, responses=errors())
async def state(request: Request) -> Response:
    """The state, epoch and active region of this service, and who answers."""
    return json_response(await request.app.state.health.standing(), headers={"Cache-Control": "no-store"})
