"""The one request that comes far more often than all others, tracking a shipment, answered ahead of the framework.

Only a hit is: what is unknown, malformed or fails goes on to the ordinary route, which says why.
"""

from hashlib import blake2b

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

PREFIX = "/api/shipments/"


class HotPath:
    """`GET /api/shipments/{id}` -> the kept JSON with its ETag, or 304 if the caller has it; else the app's answer."""

    def __init__(self, app: FastAPI):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix, name = scope.get("path", "")[:len(PREFIX)], scope.get("path", "")[len(PREFIX):]
        if prefix != PREFIX or scope.get("method") != "GET" or "/" in name:
            await self.app(scope, receive, send)
            return
        try:
            found = await self.app.state.shipments.shipment_json(name)
        except Exception as error:  # the route raises it where it becomes a problem document
            scope["tracking_error"], found = error, None
        if found is None:
            await self.app(scope, receive, send)
            return
        start, body = answer(found, scope)
        await send(start)
        await send(body)


def answer(found: bytes, scope: Scope) -> tuple[Message, Message]:
    """The response for a shipment's JSON."""
    tag = f'"{blake2b(found, digest_size=12).hexdigest()}"'
    headers = [(b"etag", tag.encode()), (b"cache-control", b"no-cache")]
    if tag in Headers(scope=scope).get("if-none-match", ""):
        return ({"type": "http.response.start", "status": 304, "headers": headers}, {"type": "http.response.body"})
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(found)).encode())]
    return ({"type": "http.response.start", "status": 200, "headers": headers},
            {"type": "http.response.body", "body": found})
