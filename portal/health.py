"""What probes and operators ask: `/healthz` for the service in this region, `/livez` for the process only."""

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal.identity import Identity
from shipments.control import ControlState, is_serving
from shipments.errors import Unavailable
from shipments.models import Dependency, View
from shipments.service import Shipments

KEPT = 1.0
"""Seconds for which a look is answered again; probes of many edge locations must not become load on what they probe."""


class Standing(View):
    """What `/api/state` tells and every page shows: who answers, and where the service runs."""

    service: str
    region: str
    build: str
    state: str
    epoch: int
    active_region: str
    reason: str = ""
    since: str = ""


@dataclass(frozen=True)
class Look:
    """The service in this region as it was seen at `at` (monotonic seconds)."""

    at: float
    ready: bool
    body: dict[str, Any]


class Health:
    """Looks at most once a second, whoever asks and however many ask at once."""

    def __init__(self, shipments: Shipments, identity: Identity, primary_region: str):
        self.shipments, self.identity, self.primary_region = shipments, identity, primary_region
        self._look: Look | None = None
        self._lock = asyncio.Lock()

    async def look(self) -> Look:
        async with self._lock:
            if self._look is None or time.monotonic() - self._look.at >= KEPT:
                self._look = await self._fresh()
            return self._look

    async def standing(self) -> Standing:
        return self._standing(await self.shipments.control())

    async def check_writable(self) -> None:
        """Raises Unavailable while this region must not accept: fenced, or running in the other region."""
        known = await self.shipments.control()
        if known.state == "fenced":
            raise Unavailable(f"the service, which is read-only now ({known.reason or 'fenced by operators'}),", 30)
        if not is_serving(known, self.primary_region):
            raise Unavailable(f"{known.region}, while the service runs in {known.active_region},", 5)

    async def _fresh(self) -> Look:
        known, dependencies = await asyncio.gather(self.shipments.control(), self.shipments.health())
        ready = is_serving(known, self.primary_region) and able(dependencies)
        body = {"status": "ok" if ready else "unavailable", **self._standing(known).model_dump(by_alias=True),
                "dependencies": [asdict(dependency) for dependency in dependencies]}
        return Look(time.monotonic(), ready, body)

    def _standing(self, known: ControlState) -> Standing:
        return Standing(**asdict(known), build=self.identity.build)


def able(dependencies: list[Dependency]) -> bool:
    """Whether it can read and accept: without the cache it is slower, without blobs it cannot take large commands."""
    ok = {dependency.name: dependency.ok for dependency in dependencies}
    queues = [up for name, up in ok.items() if "queue" in name]
    return ok.get("database", True) and (any(queues) or not queues)


def health_routes(identity: Identity) -> list[Route]:
    """`/healthz` and `/livez`, GET and HEAD, without the framework's validation: every edge probes."""
    alive = orjson.dumps({"status": "alive", **asdict(identity)})

    async def healthz(request: Request) -> Response:
        look = await request.app.state.health.look()
        return _json(orjson.dumps(look.body), 200 if look.ready else 503)

    async def livez(_: Request) -> Response:
        return _json(alive, 200)

    return [Route("/healthz", healthz, methods=["GET"]), Route("/livez", livez, methods=["GET"])]


def _json(body: bytes, status: int) -> Response:
    return Response(body, status, {"Cache-Control": "no-store"}, "application/json")
