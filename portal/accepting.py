"""The one way in for what changes something, from forms and from the API."""

import asyncio
from dataclasses import replace

from starlette.requests import Request

from portal.photos import check_photo
from shipments.commands import Body
from shipments.errors import Unavailable
from shipments.models import Accepted, CommandResult
from shipments.service import Shipments

LONGEST = 8.0
"""Seconds to make a command durable; a caller told "not now" in time can try again, one that hangs cannot."""


async def accept(request: Request, body: Body, key: str | None, photo: bytes | None = None) -> Accepted:
    """Makes the command durable, and the photo of a comment before it. Raises Unavailable when this region must not
    or cannot accept now, or not as durably as configured; Refusal for a key that was given to another command;
    Trouble for what is no photo."""
    media_type, state = check_photo(photo) if photo is not None else "", request.app.state
    await state.standpoint.check_writable()
    try:
        async with asyncio.timeout(LONGEST):
            if photo is None:
                return await state.shipments.submit(state.shipments.command(body, key))
            return await _with_photo(state.shipments, body, key, photo, media_type)
    except TimeoutError:
        raise Unavailable("the storage of commands and photos") from None


async def outcome(request: Request, accepted: Accepted, wait: float) -> CommandResult | None:
    """What became of it, as far as that is known within `wait` seconds. Once a command is durable, nothing that does
    not answer makes it a failure: whoever is told so sends it again."""
    try:
        return await request.app.state.shipments.result(accepted.id, wait=wait)
    except Unavailable:
        return None


async def _with_photo(shipments: Shipments, body: Body, key: str | None, photo: bytes, media_type: str) -> Accepted:
    """Both are as durable as the less durable of the two."""
    name, durability = await shipments.put_photo(photo, media_type)
    accepted = await shipments.submit(shipments.command(body.model_copy(update={"photo": name}), key))
    return accepted if durability == "two-regions" else replace(accepted, durability=durability)
