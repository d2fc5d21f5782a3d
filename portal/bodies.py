"""Request bodies, read with a limit and a strict JSON reader instead of the framework's."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from portal.problems import Trouble
from shipments.epcis import Refused, read_json

Result = TypeVar("Result")
INLINE = 256 * 1024
"""Bytes of a document that are read and checked in about 50 ms."""
JSON_TYPES = ("application/json", "application/ld+json")


async def read_body(request: Request, limit: int) -> bytes:
    """The body's bytes; raises Trouble 413 as soon as it is known to be larger than `limit` bytes."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit, declared)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit, f"more than {limit}")
    except ClientDisconnect:
        raise Trouble(400, "the connection was closed before the whole body had come") from None
    return bytes(body)


async def read_json_body(request: Request, limit: int, types: tuple[str, ...] = JSON_TYPES) -> Any:
    """The body's JSON value; raises Trouble 415 for another media type or charset, 413, or 400 with the reason."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() not in types:
        raise Trouble(415, f"Content-Type {media_type[:60]!r} is not taken here; send {' or '.join(types)}",
                      headers={"Accept": ", ".join(types)})
    charset = parameters.lower().replace('"', "").replace(" ", "").partition("charset=")[2].partition(";")[0]
    if charset not in ("", "utf-8", "utf8"):
        raise Trouble(415, f"charset {charset[:40]!r} is not taken here; send UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Trouble(415, "a Content-Encoding is not taken here; send the JSON as it is",
                      headers={"Accept-Encoding": "identity"})
    body = await read_body(request, limit)
    try:
        return await aside(len(body), read_json, body)
    except Refused as refused:
        raise Trouble.bad(refused.problems) from None


async def aside(size: int, work: Callable[..., Result], *given: Any) -> Result:
    """Work on `size` bytes of input; in a thread when it would keep other requests waiting noticeably."""
    return work(*given) if size <= INLINE else await asyncio.to_thread(work, *given)


def _too_large(limit: int, got: str) -> Trouble:
    return Trouble(413, f"the body may have {limit} bytes, this one has {got}; send it in parts",
                   headers={"Connection": "close"})
