"""The API and the web app over a domain in memory, as an HTTP client sees them."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, sync_playwright
from starlette.applications import Starlette
from starlette.types import ASGIApp

from portal.api.app import create_app as create_api
from portal.identity import Identity
from portal.web.app import create_app as create_web
from tests.portal.browsing import CHROMIUM, FLAGS
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module at a time: while it is there, its event loop occupies the thread."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
