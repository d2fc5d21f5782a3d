"""The web application: pages, errors as pages, health, and the layer around it."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from portal import photos, standing
from portal.asgi import Envelope
from portal.health import health_routes
from portal.identity import Identity
from portal.lifespan import Connect, lifespan
from portal.problems import Trouble, log_failure, trouble_of
from portal.web import pages
from portal.web.rendering import page
from shipments.errors import Unavailable

POLICY = ("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
          "form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
"""Nothing from elsewhere, nothing inline (https://www.w3.org/TR/CSP3/)."""


def create_app(connect: Connect, identity: Identity) -> ASGIApp:
    """The app around a domain that it connects when it starts and closes when it ends."""
    routes = [
        Route("/", pages.home), Route("/track", pages.track), Route("/shipments", pages.register, methods=["POST"]),
        Route("/shipments/{shipment_id}", pages.shipment),
        Route("/shipments/{shipment_id}/comments", pages.comment, methods=["POST"]),
        Route("/photos/{name}", photos.show), Route("/state", standing.state), *health_routes(identity)]
    handlers = dict.fromkeys((Trouble, Unavailable, HTTPException, Exception), _error)
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan(connect, identity))
    return Envelope(app, identity, {"Content-Security-Policy": POLICY})


async def _error(request: Request, error: Exception) -> Response:
    trouble = trouble_of(error)
    log_failure(request, trouble, error)
    if trouble.status == 404 and isinstance(error, HTTPException):
        trouble = Trouble(404, "There is no page at this address.")
    again = trouble.headers.get("Retry-After") if request.method == "GET" else None
    return await page(request, "trouble.html", trouble.status, trouble.headers, trouble=trouble, again=again,
                      request_id=request.scope.get("request_id", ""))
