"""The OpenAPI document against the API itself: whatever schemathesis thinks up, the API answers as documented."""

from collections.abc import AsyncIterator

import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, settings

from portal.api.app import create_app
from portal.identity import Identity
from tests.portal.fakes import MemoryShipments

DOMAIN = MemoryShipments()
APP = create_app(lambda: DOMAIN, Identity("api", "eastus", "0123456789ab"))
schema = schemathesis.openapi.from_asgi("/api/openapi.json", APP)
schema.config.phases.coverage.enabled = False
"""The coverage phase makes thousands of capture documents; `schemathesis run` against a running portal does it."""


@pytest_asyncio.fixture(autouse=True, scope="module", loop_scope="module")
async def running() -> AsyncIterator[None]:
    """The app's own start, which a case that calls it does not run."""
    app = APP.app.app
    async with app.router.lifespan_context(app):
        yield


@schema.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_answers_as_its_document_says(case: schemathesis.Case) -> None:
    case.call_and_validate()
