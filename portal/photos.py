"""Photos: what counts as one, and how it is shown.

A photo is what its first bytes say, never what its sender or its name says: JPEG (https://www.w3.org/Graphics/JPEG/jfif3.pdf),
PNG (https://www.w3.org/TR/png-3/#3PNGsignature) or WebP (https://www.rfc-editor.org/rfc/rfc9649#section-2.4).
"""

import re

from starlette.requests import Request
from starlette.responses import Response

from portal.problems import Trouble
from shipments.errors import Refusal

LARGEST = 10 * 1024 * 1024
"""Bytes of a photo."""
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
SHOWN = {
    "Cache-Control": "private, max-age=31536000, immutable",  # a name is of one content; the edge keeps no photos
    "Content-Security-Policy": "default-src 'none'; sandbox", "Content-Disposition": "inline"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def media_type_of(content: bytes) -> str | None:
    """The photo's media type; None for anything else."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None


def check_photo(content: bytes) -> str:
    """The media type; raises Trouble 413 or 415 with limit, value and next act."""
    if len(content) > LARGEST:
        raise Trouble(413, f"a photo may have {LARGEST} bytes, this one has {len(content)}; send a smaller one")
    media_type = media_type_of(content)
    if media_type is None:
        raise Trouble(415, f"a photo is a JPEG, PNG or WebP; these {len(content)} bytes begin like none of them; "
                           "convert it first", headers={"Accept": ", ".join(MEDIA_TYPES)})
    return media_type


async def show(request: Request) -> Response:
    """A stored photo: from the own region's account, else from the peer's; nothing but an image ever leaves here."""
    name = request.path_params["name"]
    headers = {"ETag": f'"{name}"', **SHOWN}
    known = _NAME.fullmatch(name) is not None
    if known and headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    content = await _find(request, name) if known else b""
    media_type = media_type_of(content)
    if media_type is None:
        raise Trouble(404, f"no photo {name[:60]!r} is known here; a new one may take a second")
    return Response(content, 200, headers, media_type)


async def _find(request: Request, name: str) -> bytes:
    try:
        return await request.app.state.shipments.photo(name)
    except Refusal:
        return b""
