"""The API over a domain in memory, as an HTTP client sees it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from portal.api.app import create_app
from portal.identity import Identity
from tests.portal.fakes import MemoryShipments


@pytest.fixture
def domain() -> MemoryShipments:
    return MemoryShipments()


@pytest.fixture
async def api(domain: MemoryShipments) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(lambda: domain, Identity("api", "eastus", "0123456789ab"), "eastus")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.app.app.router.lifespan_context(app.app.app), httpx.AsyncClient(
            transport=transport, base_url="http://portal.example") as client:
        yield client
