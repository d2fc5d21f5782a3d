"""The API and the web app over a domain in memory, as an HTTP client sees them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp

from portal.api.app import create_app as create_api
from portal.identity import Identity
from portal.web.app import create_app as create_web
from tests.portal.fakes import MemoryShipments


@pytest.fixture
def domain() -> MemoryShipments:
    return MemoryShipments()


@pytest.fixture
async def api(domain: MemoryShipments) -> AsyncIterator[httpx.AsyncClient]:
    app = create_api(lambda: domain, Identity("api", "eastus", "0123456789ab"))
    async for client in opened(app, app.app.app):
        yield client


@pytest.fixture
async def web(domain: MemoryShipments) -> AsyncIterator[httpx.AsyncClient]:
    app = create_web(lambda: domain, Identity("web", "eastus", "0123456789ab"))
    async for client in opened(app, app.app):
        yield client


async def opened(app: ASGIApp, inner: FastAPI | Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with inner.router.lifespan_context(inner), httpx.AsyncClient(
            transport=transport, base_url="http://portal.example") as client:
        yield client
