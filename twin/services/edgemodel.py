"""Front Door's resources as HAProxy's template takes them: origin groups, probes, backends, matches."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from twin.services.base import AzureError, Cloud, Resource
from twin.services.shapes import refuse
from twin.services.storage import ACCOUNT

ORIGIN = "azure-native:cdn:AFDOrigin"


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

    An origin alone in its priority gets every request; healthy ones of other priorities stand beside it for GET and
    HEAD requests that failed with it, until the probes notice."""
    probes, signs = (f"{group['name']}-{kind}" if group["probe"] else "" for kind in ("probes", "signs"))
    for tier, origins in by_priority(group).items():
        alone = len(origins) == 1
        own = [origin | {"follows": signs if alone else probes} for origin in origins]
        spare = [origin | {"follows": probes} for origin in group["origins"] if alone and origin not in origins]
        yield group | {"name": tier, "origins": own + spare, "first": origins[0]["name"] if spare else ""}
    yield group | {"name": f"{group['name']}-all", "first": "",
                   "origins": [origin | {"follows": ""} for origin in group["origins"]]}


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
