"""The one way in for what changes something, from forms and from the API."""

import asyncio

from starlette.requests import Request

from shipments.commands import Body
from shipments.errors import Unavailable
from shipments.models import Accepted

LONGEST = 8.0
"""Seconds to make a command durable; a caller told "not now" in time can try again, one that hangs cannot."""


async def accept(request: Request, body: Body, key: str | None) -> Accepted:
    """Makes the command durable. Raises Unavailable when this region must not or cannot accept now, Refusal for a
    key that was given to another command."""
    state = request.app.state
    await state.health.check_writable()
    try:
        async with asyncio.timeout(LONGEST):
            return await state.shipments.submit(state.shipments.command(body, key))
    except TimeoutError:
        raise Unavailable("the queue") from None
