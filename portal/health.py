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
from shipments.errors import Unavailable
from shipments.models import Dependency, View
from shipments.service import Shipments

KEPT = 1.0
"""Seconds for which a look is answered again; probes of many edge locations must not become load on what they probe."""

READY_STATES = frozenset({"active", "standby", "failover"})


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
        return Standing(**asdict(await self.shipments.control()), build=self.identity.build)

    async def check_writable(self) -> None:
        """Raises Unavailable while this region must not accept: fenced, or running in the other region."""
        standing = await self.standing()
        if standing.state == "fenced":
            raise Unavailable(f"the service, which is read-only now ({standing.reason or 'fenced by operators'}),", 30)
        if self._returned(standing):
            raise Unavailable(f"{standing.region}, while the service runs in {standing.active_region},", 5)

    def _returned(self, standing: Standing) -> bool:
        """Better priority, but standing by: the other region has taken over and traffic belongs there."""
        return standing.state == "standby" and standing.region == self.primary_region

    async def _fresh(self) -> Look:
        standing, dependencies = await asyncio.gather(self.standing(), self.shipments.health())
        ready = standing.state in READY_STATES and not self._returned(standing) and able(dependencies)
        body = {"status": "ok" if ready else "unavailable", **standing.model_dump(by_alias=True),
                "dependencies": [asdict(dependency) for dependency in dependencies]}
        return Look(time.monotonic(), ready, body)


def able(dependencies: list[Dependency]) -> bool:
    """`/healthz` and `/livez`, GET and HEAD, without the framework's validation: every edge site probes."""
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
