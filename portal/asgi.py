"""The one layer around both apps: request id, who served it, security headers.  Pure ASGI: each request pays."""

import os
import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.identity import Identity

SAFE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Envelope:
    """Adds the headers to whatever the app answers, errors included.

    The request id is the caller's `X-Request-ID` or Front Door's `X-Azure-Ref`
    (https://learn.microsoft.com/azure/frontdoor/front-door-http-headers-protocol) if harmless, else a new one.
    """

    def __init__(self, app: ASGIApp, identity: Identity, headers: Iterable[tuple[str, str]] = ()):
        self.app = app
        every = {"X-Served-By": identity.served_by, **SECURITY, **dict(headers)}
        self.headers = [(name.lower().encode(), value.encode()) for name, value in every.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope["headers"])
        scope["request_id"] = request_id.decode()
        added = [*self.headers, (b"x-request-id", request_id)]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    for name, value in headers:
        if name in (b"x-request-id", b"x-azure-ref") and SAFE_ID.fullmatch(value):
            return value
    return os.urandom(12).hex().encode()
