"""App Service: instances of a region's plan, and whether its sites are started."""

import asyncio
import io
import json

from failover.cloud import Cloud, Id
from failover.errors import told
from failover.steps import ScaleUp

ROLE = "Web Plan Contributor"


class Compute:
    """Plans and sites, through Resource Manager."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud

    async def sites(self, region: str) -> dict[str, str]:
        """Service -> Running, Stopped, …  Raises Denied, NotAsAsked."""
        sites = self.cloud.platform.regions[region].sites
        states = await asyncio.gather(*(self._state(Id(site.id)) for site in sites.values()))
        return dict(zip(sites, states, strict=True))

    async def capacity(self, region: str) -> int | None:
        """Instances that the plan is to have.  Raises Denied, NotAsAsked."""
        at = Id(self.cloud.platform.regions[region].plan_id)
        client = await self.cloud.arm("web")
        with told(f"reading plan {at.name}", at.text, "Reader"):
            plan = await client.app_service_plans.get(at.group, at.name)
        return plan.sku.capacity if plan and plan.sku else None

    async def scale_up(self, step: ScaleUp) -> str:
        """The plan answers at once, the instances come within minutes:
        https://learn.microsoft.com/rest/api/appservice/app-service-plans/update"""
        has = await self.capacity(step.region)
        if has is not None and has >= step.instances:
            return f"it has {has}"
        at, client = Id(self.cloud.platform.regions[step.region].plan_id), await self.cloud.arm("web")
        with told(f"scaling {at.name}", at.text, ROLE):
            sku = (await client.app_service_plans.get(at.group, at.name)).sku
            body = {"sku": {"name": sku.name, "tier": sku.tier, "capacity": step.instances}}
            await client.app_service_plans.update(at.group, at.name, io.BytesIO(json.dumps(body).encode()))
        return f"from {has} to {step.instances}"

    async def _state(self, at: Id) -> str:
        client = await self.cloud.arm("web")
        with told(f"reading {at.name}", at.text, "Reader"):
            return str((await client.web_apps.get(at.group, at.name)).state or "")
