"""The API application: routes, errors, documentation, health."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from portal.api import capture, events, photos, shipments, state
from portal.api.documentation import complete
from portal.api.hotpath import HotPath
from portal.api.schemas import EPCIS_PARTS
from portal.asgi import Envelope
from portal.health import health_routes
from portal.identity import Identity
from portal.lifespan import Connect, lifespan
from portal.problems import answer_problems

DESCRIPTION = "Register and track shipments, capture and query EPCIS 2.0 events. What is accepted is durable."


def create_app(connect: Connect, identity: Identity) -> ASGIApp:
    """The app around a domain that it connects when it starts and closes when it ends."""
    app = FastAPI(title="Shipment tracking", version="1", description=DESCRIPTION, openapi_url="/api/openapi.json",
                  docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan(connect, identity))
    answer_problems(app)
    app.router.routes += health_routes(identity)
    for room in (state, shipments, photos, capture, events):
        app.include_router(room.router)
    complete(app, EPCIS_PARTS)
    return Envelope(HotPath(app), identity)
