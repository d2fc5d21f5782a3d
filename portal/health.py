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
from portal.standing import Standpoint
from shipments.control import is_serving
from shipments.models import Dependency

KEPT = 1.0
"""Seconds for which a look is answered again; probes of many edge locations must not become load on what they probe."""


@dataclass(frozen=True)
class Look:
    """The service in this region as it stands now, with its dependencies as they were at most a second ago."""

    ready: bool
    body: dict[str, Any]


class Health:
    """Looks at the dependencies at most once a second, whoever asks and however many ask at once."""

    def __init__(self, standpoint: Standpoint):
        self.standpoint, self._lock = standpoint, asyncio.Lock()
        self._seen: list[Dependency] = []
        self._until = 0.0

    async def look(self) -> Look:
        """The state decides at once, so that a probe never turns later than the writes do."""
        shipments, seen = self.standpoint.shipments, await self._dependencies()
        known, standing = await shipments.control(), await self.standpoint.standing()
        ready = is_serving(known, shipments.settings) and able(seen)
        return Look(ready, {"status": "ok" if ready else "unavailable", **standing.model_dump(by_alias=True),
                            "dependencies": [asdict(dependency) for dependency in seen]})

    async def _dependencies(self) -> list[Dependency]:
        async with self._lock:
            if time.monotonic() >= self._until:
                self._seen = await self.standpoint.shipments.health()
                self._until = time.monotonic() + KEPT
            return self._seen


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
