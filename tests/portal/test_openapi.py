"""The OpenAPI document against the API itself: whatever schemathesis thinks up, the API answers as documented."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some

from portal.api.app import create_app
from portal.identity import Identity
from portal.photos import MEDIA_TYPES
from tests.portal.fakes import MemoryShipments

PHOTO = some.binary(max_size=100).map(lambda more: b"\xff\xd8\xff" + more)
for media_type in MEDIA_TYPES:
    schemathesis.openapi.media_type(media_type, PHOTO)
schemathesis.openapi.format("photo", PHOTO)

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


async def test_what_callers_need_to_know_of_an_outage_is_documented(api: httpx.AsyncClient) -> None:
    document = (await api.get("/api/openapi.json")).json()
    writes = {path: entry["post"]["responses"] for path, entry in document["paths"].items() if "post" in entry}
    assert "/api/shipments/{shipment_id}/photos" in writes and len(writes) == 4, f"every write: {sorted(writes)}"
    for path, responses in writes.items():
        for status in {"200", "201", "202"} & responses.keys():
            told = responses[status]["headers"]["Shipment-Durability"]
            assert told["schema"]["enum"] == ["one-region", "two-regions"], f"{path} {status} says how durable"
        refused = responses["503"]
        assert refused["headers"]["Retry-After"]["required"], f"{path} says when to try again"
        assert "strict" in refused["description"] and "fenced" in refused["description"], f"{path} says why not now"
    body = document["paths"]["/api/shipments/{shipment_id}/photos"]["post"]["requestBody"]["content"]
    assert body.keys() == {"multipart/form-data", *MEDIA_TYPES}, f"every way to send a photo: {sorted(body)}"
    standing = document["components"]["schemas"]["Standing"]["properties"]
    assert {"epoch", "activeRegion", "state", "leaving", "mode", "durability", "writer"} <= standing.keys(), standing
