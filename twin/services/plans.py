"""App Service plans: how many instances the web apps on them have.

https://learn.microsoft.com/rest/api/appservice/app-service-plans/update
"""

import functools
from typing import Any

from twin.services import webapp
from twin.services.base import SUBSCRIPTION, AzureError, Cloud, Resource
from twin.services.shapes import shaped, shown, tokens

LARGEST = 30
"""Most instances that the twin accepts, as Azure's largest plan
(https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits#azure-app-service-limits)."""


class Plans:
    """A plan runs nothing; when its workers change, so do its apps' instances, shortly."""

    realised = tokens("web", "AppServicePlan")
    recorded = frozenset()

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """https://learn.microsoft.com/rest/api/appservice/app-service-plans/get"""
        if previous and webapp.workers(previous) != webapp.workers(resource):
            cloud.later(f"scale {resource.name}", functools.partial(rescale, cloud, resource.id))
        return shaped(resource, status="Ready", provisioningState="Succeeded", subscription=SUBSCRIPTION,
                      numberOfWorkers=webapp.workers(resource), geoRegion=resource.location,
                      resourceGroup=resource.inputs.get("resourceGroupName", ""))

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """Nothing runs."""

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """Nothing runs."""


async def rescale(cloud: Cloud, plan: str) -> None:
    """Starts or ends instances of the plan's apps; those that stay are not touched."""
    for site in cloud.find(webapp.SITE):
        deployed = cloud.deployments.current(site.name)
        if deployed and site.inputs["serverFarmId"].lower() == plan.lower() and webapp.SERVICE.serves(site):
            await webapp.SERVICE.publish(cloud, site, *deployed)


async def scale(cloud: Cloud, resource: Resource, body: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    """PATCH of `sku.capacity`; the answer comes at once, the instances shortly after."""
    asked = (body.get("sku") or {}).get("capacity")
    if not isinstance(asked, int) or not 1 <= asked <= LARGEST:
        raise AzureError("BadRequest", f"{resource.name}: sku.capacity must be a whole number from 1 to {LARGEST}; got "
                         f"{asked!r}. Nothing else of a plan changes here but through `pulumi up`.")
    sku = {**(resource.inputs.get("sku") or {}), "capacity": asked}
    await cloud.save_outputs(resource.id, sku=sku, numberOfWorkers=asked)
    cloud.later(f"scale {resource.name}", functools.partial(rescale, cloud, resource.id))
    return shown(cloud.get(resource.id))


SERVICE = Plans()
OPERATIONS = {("Microsoft.Web/serverfarms", "PATCH"): scale}
