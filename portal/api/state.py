"""Where the service stands in the region that answers."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal import standing
from portal.api.documentation import errors
from portal.standing import Standing

router = APIRouter(tags=["operations"])


@router.get("/api/state", response_model=Standing, responses={304: {"description": "Not changed"}} | errors())
async def state(request: Request) -> Response:
    """Who answers, the state of this service here, where it runs, and what a write would get now."""
    return await standing.state(request)
