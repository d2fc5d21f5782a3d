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
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from twin.services import haproxy
from twin.services.appsettings import places
from twin.services.base import AzureError, Cloud, Later, Resource
from twin.services.shapes import guid, refuse, shaped, shown, tokens
from twin.services.storage import ACCOUNT, VERSION

EDGE = "edge"
PROFILE, ENDPOINT, GROUP, ORIGIN, ROUTE = (
    f"azure-native:cdn:{name}" for name in ("Profile", "AFDEndpoint", "AFDOriginGroup", "AFDOrigin", "Route"))
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
        """Waits until every origin has passed its probes, so that the first request goes where it should; an origin
        that is fenced, or stands by for orders, never does, so not for ever."""
        process, deadline = cloud.runner.get("edge"), time.monotonic() + SETTLED_WITHIN
        while process and time.monotonic() < deadline:
            found = await haproxy.states(await cloud.ports.of("edge-admin"))
            if not any(state.startswith("DOWN") for servers in found.values() for state in servers.values()):
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


async def group_model(cloud: Cloud, group: Resource) -> dict[str, Any]:
    """An origin group, its enabled origins and, for storage with a managed identity, the token."""
    own = [origin for origin in cloud.find(ORIGIN) if origin.id.lower().startswith(f"{group.id.lower()}/")]
    origins = [origin_model(origin) for origin in own if now(origin).get("enabledState") != "Disabled"]
    probe, balance = group.inputs.get("healthProbeSettings"), group.inputs.get("loadBalancingSettings") or {}
    prefix = storage_prefix(cloud, group, origins)
    return {"id": group.id.lower(), "name": group.name, "origins": sorted(origins, key=lambda found: found["priority"]),
            "prefix": prefix, "probe": probe_model(probe, balance, prefix) if probe else None,
            "token": await origin_token(cloud, group), "cached": False}


def origin_model(origin: Resource) -> dict[str, Any]:
    """A server line; its name is the Host header that it is sent."""
    asked = now(origin)
    return {"name": asked.get("originHostHeader") or asked["hostName"], "port": port_of(origin), "tls": True,
            "priority": asked.get("priority") or 1, "weight": max(1, round((asked.get("weight") or 1000) * 256 / 1000))}


def now(origin: Resource) -> dict[str, Any]:
    """What it is by its inputs and by what operators changed since."""
    return origin.outputs or origin.inputs


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


def port_of(origin: Resource) -> int:
    """The port of an origin on this machine; AzureError for any other host: the twin calls nobody."""
    parts = urlsplit(f"//{origin.inputs.get('hostName')}")
    if parts.hostname not in ("localhost", "127.0.0.1") or not parts.port:
        raise refuse(origin, f"the origin {origin.inputs.get('hostName')!r} is not on this machine; "
                             "take the host from a resource's outputs.")
    return parts.port


def storage_prefix(cloud: Cloud, group: Resource, origins: list[dict[str, Any]]) -> str:
    """"/<account>" when the origins are a storage account's endpoints, whose names carry the account in Azure and
    whose paths do here."""
    ports = cloud.ports.all()  # of all ends that there were: a failover can take the secondary away, its origin stays
    ends = {ports.get(f"storage-{account.name}-blob{end}"): f"/{account.name}"
            for account in cloud.find(ACCOUNT) for end in ("", "-secondary")}
    found = {ends.get(origin["port"], "") for origin in origins}
    if len(found) > 1:
        raise refuse(group, "its origins are of different accounts or kinds; give each a group of its own.")
    return found.pop() if found else ""


def probe_model(probe: dict[str, Any], balance: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Healthy while `successfulSamplesRequired` of the last `sampleSize` probes answered 200.  HAProxy counts probes in
    a row: down after one more failure than may be missing, up after as many successes as are required.  That is the
    same when all or one of the samples are required; in between, failures here and there are forgiven."""
    size, required = balance.get("sampleSize") or 4, balance.get("successfulSamplesRequired") or 3
    return {"method": probe.get("probeRequestType") or "HEAD", "path": prefix + (probe.get("probePath") or "/"),
            "interval": probe.get("probeIntervalInSeconds") or 240, "fall": size - required + 1, "rise": required}


async def origin_token(cloud: Cloud, group: Resource) -> str:
    """The token for origins that authenticate the edge; "" for others
    (https://learn.microsoft.com/azure/frontdoor/origin-authentication-with-managed-identities)."""
    asked = group.inputs.get("authentication")
    if not asked:
        return ""
    identity = cloud.get((asked.get("userAssignedIdentity") or {}).get("id") or "")
    if asked.get("type") != "UserAssignedIdentity" or not identity:
        raise refuse(group, "only a user-assigned identity of the stack authenticates at origins here.")
    return await cloud.identities.token(identity.outputs["principalId"], asked["scope"].removesuffix("/.default"))


def backend_models(group: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A backend per priority, and one of all origins without probes: what Front Door does when none is healthy.

    An origin alone in its priority gets every request; those of other priorities stand beside it for GET and HEAD
    requests that failed with it, until the probes notice."""
    tiers = by_priority(group)
    for tier, origins in tiers.items():
        alone = len(origins) == 1
        others = [origin for origin in group["origins"] if origin not in origins] if alone else []
        yield group | {"name": tier, "origins": origins + others, "first": origins[0]["name"] if others else "",
                       "follows": f"{group['name']}-{'signs' if alone else 'probes'}" if group["probe"] else ""}
    yield group | {"name": f"{group['name']}-all", "first": "", "follows": ""}


def by_priority(group: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Backend -> its own origins, the best priority first."""
    tiers: dict[str, list[dict[str, Any]]] = {}
    for origin in group["origins"]:
        tiers.setdefault(f"{group['name']}-{origin['priority']}", []).append(origin)
    return tiers


def match_models(routes: list[Resource], groups: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What is matched, best first: exact paths, then the longest beginning. `target` is what replaces the matched
    part; None leaves the path as it is."""
    found = []
    for route in routes:
        group = groups.get(((route.inputs.get("originGroup") or {}).get("id") or "").lower())
        if route.inputs.get("enabledState") == "Disabled" or not group or not group["origins"]:
            continue
        group["cached"] |= bool(route.inputs.get("cacheConfiguration"))
        ladder = [(origin["name"], tier) for tier, origins in by_priority(group).items() for origin in origins]
        model = {"group": group["name"], "ladder": ladder, "probed": bool(group["probe"])}
        found += [match_model(pattern, route, group["prefix"]) | model
                  for pattern in route.inputs.get("patternsToMatch") or ["/*"]]
    found.sort(key=lambda match: (match["wildcard"], -len(match["path"])))
    return [match | {"number": number} for number, match in enumerate(found, 1)]


def match_model(pattern: str, route: Resource, prefix: str) -> dict[str, Any]:
    """One pattern: "/api" is that path, "/api/*" everything below; the origin path replaces what is before "*"."""
    if "*" in pattern[:-1] or not pattern.startswith("/") or (pattern.endswith("*") and not pattern.endswith("/*")):
        raise AzureError("BadRequest", f"{route.name}: the pattern {pattern!r} must begin with / and have its only * "
                         "after the last /.")
    wildcard, path = pattern.endswith("*"), pattern.removesuffix("*")
    origin_path = route.inputs.get("originPath")
    target = prefix + (origin_path or path)
    if wildcard:
        target = target.rstrip("/") + "/"
    return {"wildcard": wildcard, "path": path, "target": target if prefix or origin_path else None}


SERVICE = Edge()
OPERATIONS = {("Microsoft.Cdn/profiles/originGroups/origins", "PATCH"): change_origin}
