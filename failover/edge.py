"""The edge as users meet it: which region answers for a service; and its origins of static content.

Every answer of an app carries `X-Served-By: <region>/<build>`, whatever its status.
"""

import asyncio
import time
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from failover.cloud import Cloud, trust
from failover.errors import NotAsAsked, told
from failover.observation import Served
from failover.platform import Service
from failover.steps import EdgeLeads, Origin

ROLE = "CDN Profile Contributor"
IN_A_ROW, POLL = 5, 0.2
"""Answers of the wanted region in a row that count as "the edge has moved": it has several processes, and on Azure many
locations, that notice one after another."""


class Edge:
    """Requests of an ordinary client, and Front Door's configuration through Resource Manager."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud
        self.portal = (cloud.settings.portal or cloud.platform.portal_url).rstrip("/")
        self._client: httpx.AsyncClient | None = None
        self.date: datetime | None = None

    @property
    def client(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=5, verify=trust(), trust_env=False)
        return self._client

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()

    async def look(self, service: Service, times: int = 3) -> Served:
        """Several requests, for one may be answered by whom the edge is just leaving."""
        answers = [await self._ask(service) for _ in range(times)]
        return Served(tuple(region for region, _ in answers if region), answers[-1][1])

    async def leads(self, step: EdgeLeads) -> str:
        """Until each service was answered by the region several times in a row."""
        began = time.monotonic()
        services = map(self.cloud.platform.services.__getitem__, step.services)
        notes = await asyncio.gather(*(self._until(service, step) for service in services))
        return f"{', '.join(filter(None, notes)) or 'yes'}, after {time.monotonic() - began:.1f} s"

    async def origin(self, region: str) -> bool | None:
        """Whether the edge uses the region's origin of static content; None when there is none."""
        group = self._static_group()
        if group is None:
            return None
        door, client = self.cloud.platform.front_door, await self.cloud.arm("cdn")
        with told("reading the edge's origin", f"profile {door.profile}", "Reader"):
            found = await client.afd_origins.get(door.resource_group, door.profile, group, region)
        return str(getattr(found.enabled_state, "value", found.enabled_state)) != "Disabled"

    async def set_origin(self, step: Origin) -> str:
        """https://learn.microsoft.com/rest/api/frontdoor/azurefrontdoorstandardpremium/afd-origins/update"""
        from azure.mgmt.cdn.models import AFDOriginUpdateParameters, AFDOriginUpdatePropertiesParameters

        if await self.origin(step.region) is step.enabled:
            return "it was so already"
        door, client = self.cloud.platform.front_door, await self.cloud.arm("cdn")
        state = "Enabled" if step.enabled else "Disabled"
        with told(f"changing the origin {step.region}", f"profile {door.profile}", ROLE):
            await (await client.afd_origins.begin_update(
                door.resource_group, door.profile, self._static_group(), step.region,
                AFDOriginUpdateParameters(properties=AFDOriginUpdatePropertiesParameters(enabled_state=state)))).result()
        return state

    def _static_group(self) -> str | None:
        static = [service.name for service in self.cloud.platform.listed if service.kind == "static"]
        return self.cloud.platform.front_door.origin_groups.get(static[0]) if static else None

    async def _until(self, service: Service, step: EdgeLeads) -> str:
        deadline, row, silent, last = time.monotonic() + step.limit, 0, 0, Served()
        while time.monotonic() < deadline:
            last = await self.look(service, 1)
            row = row + 1 if last.region == step.region and last.answers else 0
            silent = silent + 1 if last.answers and not last.regions else 0
            if row >= IN_A_ROW:
                return ""
            if silent >= IN_A_ROW:
                return f"{service.name} answers but does not tell its region"
            await asyncio.sleep(POLL)
        raise NotAsAsked(
            f"{service.name} is not served from {step.region} after {step.limit:.0f} s: the last answer was "
            f"{last.status or 'none'} from {last.region or 'nobody who tells'}. See its origins' health in Front "
            f"Door's metrics; run the same verb again when {step.region} is well.")

    async def _ask(self, service: Service) -> tuple[str | None, int | None]:
        try:
            answer = await self.client.get(f"{self.portal}{service.path.rstrip('/')}/healthz")
        except httpx.HTTPError:
            return None, None
        if stamp := answer.headers.get("Date"):
            self.date = parsedate_to_datetime(stamp)
        return answer.headers.get("X-Served-By", "").partition("/")[0] or None, answer.status_code
