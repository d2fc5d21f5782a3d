"""Front Door on this machine: one HAProxy, `edge`, generated from the Front Door resources.

Routes, priorities, weights, probes, headers and origin authentication as documented:
https://learn.microsoft.com/azure/frontdoor/front-door-route-matching
https://learn.microsoft.com/azure/frontdoor/routing-methods
https://learn.microsoft.com/azure/frontdoor/health-probes
https://learn.microsoft.com/azure/frontdoor/front-door-http-headers-protocol
"""

import asyncio
import functools
import time
from typing import Any

from twin.services import haproxy
from twin.services.appsettings import places
from twin.services.base import AzureError, Cloud, Later, Resource
from twin.services.edgemodel import ORIGIN, backend_models, by_priority, group_model, match_models, port_of
from twin.services.shapes import guid, refuse, shaped, shown, tokens
from twin.services.storage import VERSION

EDGE = "edge"
PROFILE, ENDPOINT, GROUP, ROUTE = (
    f"azure-native:cdn:{name}" for name in ("Profile", "AFDEndpoint", "AFDOriginGroup", "Route"))
SETTLED_WITHIN = 20.0
"""Seconds for the probes: a few intervals of the primary stack."""
CHANGEABLE = frozenset({"enabledState", "priority", "weight"})
RENEW = 300.0
"""Seconds between looks at the origin tokens; nothing is reloaded while they are the same."""


class Edge:
    """What any of the resources changes is one configuration, generated once for many changes."""

    realised = tokens("cdn", "Profile", "AFDEndpoint", "AFDOriginGroup", "AFDOrigin", "Route")
    recorded = frozenset()

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """The outputs at once; the edge follows shortly, as Azure's does in minutes."""
        outputs: dict[str, Any] = {"provisioningState": "Succeeded", "deploymentStatus": "NotStarted"}
        if resource.type == PROFILE:
            outputs = {"provisioningState": "Succeeded", "resourceState": "Active",
                       "frontDoorId": guid(resource.id, "front door")}
        if resource.type == ENDPOINT:
            if others := [found.name for found in cloud.find(ENDPOINT) if found.id.lower() != resource.id.lower()]:
                raise refuse(resource, f"this machine has one edge port and {others[0]} has it.")
            outputs["hostName"] = f"localhost:{await cloud.ports.of('edge')}"
        if resource.type == ORIGIN:
            port_of(resource)
        self.refresh(cloud)
        return shaped(resource, **outputs)

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """Without its endpoint the edge ends."""
        self.refresh(cloud)

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """Once for all.  PORT may be another one than before: the next refresh of the stack sees it."""
        if resource.type == ENDPOINT:
            await cloud.save_outputs(resource.id, hostName=f"localhost:{await cloud.ports.of('edge')}")
        self.refresh(cloud)

    async def settled(self, cloud: Cloud) -> None:
        """Waits until every origin that can be there has passed its probes, so that the first request goes where it
        should; an origin that is fenced, or stands by for orders, never does, so not for ever."""
        lost = {f"localhost:{port}" for port, region in places(cloud).items()
                if cloud.faults.down(region) or not cloud.faults.connected(EDGE, region)}
        process, deadline = cloud.runner.get("edge"), time.monotonic() + SETTLED_WITHIN
        while process and time.monotonic() < deadline:
            found = await haproxy.states(await cloud.ports.of("edge-admin"))
            if not any(state.startswith("DOWN") and name not in lost
                       for servers in found.values() for name, state in servers.items()):
                return
            await asyncio.sleep(0.2)

    async def faulted(self, cloud: Cloud) -> None:
        """Leads the ways to regions that are cut off into nowhere, and back."""
        process = cloud.runner.get("edge")
        if process and process.state == "ready":
            await lead(cloud, [await group_model(cloud, group) for group in cloud.find(GROUP)])

    def refresh(self, cloud: Cloud) -> None:
        """Soon."""
        cloud.later("edge", functools.partial(render, cloud))


async def render(cloud: Cloud) -> None:
    """Brings the edge in line with the record, and looks again after RENEW seconds."""
    endpoint = next(iter(cloud.find(ENDPOINT)), None)
    if not endpoint or not cloud.find(ROUTE):
        await cloud.runner.stop("edge")
        return
    port, profile = await cloud.ports.of("edge"), cloud.find(PROFILE)[0]
    groups = [await group_model(cloud, group) for group in cloud.find(GROUP)]
    matches = match_models(cloud.find(ROUTE), {group["id"]: group for group in groups})
    await haproxy.apply(
        cloud, "edge", "global", "edge.cfg.j2", (port,), port=port, storage_version=VERSION,
        timeout=profile.inputs.get("originResponseTimeoutSeconds") or 60,
        front_door_id=profile.outputs["frontDoorId"], matches=matches, groups=groups,
        backends=[backend for group in groups if group["origins"] for backend in backend_models(group)])
    await lead(cloud, groups)
    asyncio.get_running_loop().call_later(RENEW, SERVICE.refresh, cloud)


async def lead(cloud: Cloud, groups: list[dict[str, Any]]) -> None:
    """Origins are reached directly, for a link costs 25 µs of processor time a request; those in a region that is cut
    off by way of the link to it, and what is under way there ends."""
    commands, where = ["show info"], places(cloud)
    for group in (group for group in groups if group["origins"]):
        kinds = ("probes", "signs") if group["probe"] else ()
        backends = [*by_priority(group), f"{group['name']}-all", *(f"{group['name']}-{kind}" for kind in kinds)]
        for origin in group["origins"]:
            region = where.get(str(origin["port"]), EDGE)
            cut = not cloud.faults.connected(EDGE, region)
            port = await cloud.network.through(EDGE, region, origin["port"]) if cut else origin["port"]
            for server in (f"{backend}/{origin['name']}" for backend in backends):
                commands.append(f"set server {server} addr 127.0.0.1 port {port}")
                if cut:
                    commands.append(f"shutdown sessions server {server}")
    await haproxy.command(await cloud.ports.of("edge-console"), *commands)


async def change_origin(cloud: Cloud, origin: Resource, body: dict[str, Any], query: dict[str, str]) -> Later:
    """PATCH of an origin (https://learn.microsoft.com/rest/api/frontdoor/azurefrontdoorstandardpremium/afd-origins/update);
    here the edge follows at once."""
    wanted = body.get("properties") or {}
    if unknown := wanted.keys() - CHANGEABLE:
        raise refuse(origin, f"{', '.join(sorted(unknown))} changes through `pulumi up` only; "
                             f"{', '.join(sorted(CHANGEABLE))} can be changed so.")
    if wanted.get("enabledState", "Enabled") not in ("Enabled", "Disabled"):
        raise AzureError("BadRequest", f"enabledState is Enabled or Disabled; got {wanted['enabledState']!r}.")

    async def work() -> dict[str, Any]:
        await cloud.save_outputs(origin.id, **wanted)
        await render(cloud)
        return shown(cloud.get(origin.id))
    return Later(work)


SERVICE = Edge()
OPERATIONS = {("Microsoft.Cdn/profiles/originGroups/origins", "PATCH"): change_origin}
