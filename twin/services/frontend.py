"""The regional front end: what stands before every app of a region. One HAProxy per region, `frontend-<region>`.

App Service terminates TLS in front of its workers, tells them the caller in X-Forwarded-* and applies the access
restrictions (https://learn.microsoft.com/azure/app-service/overview-access-restrictions).  Beside the app's hosts there
is a direct door over plain HTTP, which Azure has not: for looking at one region by itself, past the edge and its lock.
"""

import weakref
from typing import Any
from urllib.parse import urlsplit

from twin.home import read_json
from twin.services import haproxy
from twin.services.base import Cloud, Resource

SITE = "azure-native:web:WebApp"
_changing: weakref.WeakKeyDictionary[Cloud, dict[str, Resource | None]] = weakref.WeakKeyDictionary()
"""What is being put (or, as None, deleted) and so not in the record yet (or still)."""


async def apply(cloud: Cloud, region: str, put: Resource | None = None, without: str | None = None) -> None:
    """Brings the front end in line with the record, plus `put`, minus the resource with the id `without`."""
    changing = _changing.setdefault(cloud, {})
    if put:
        changing[put.id] = put
    if without:
        changing[without] = None
    sites = [await site_model(cloud, site) for site in known(cloud, SITE) if site.location == region]
    ports = [site[door] for site in sites for door in ("port", "scm_port", "direct_port")]
    await haproxy.apply(cloud, f"frontend-{region}", region, "frontend.cfg.j2", tuple(ports),
                        sites=sites, daemon=urlsplit(cloud.url).netloc)


def known(cloud: Cloud, kind: str) -> list[Resource]:
    """The recorded resources of a type with the changes under way, in a fixed order."""
    found = {resource.id: resource for resource in cloud.find(kind)}
    changes = _changing.get(cloud, {})
    found |= {id: resource for id, resource in changes.items() if resource is None or resource.type == kind}
    return sorted((resource for resource in found.values() if resource), key=lambda resource: resource.name)


async def site_ports(cloud: Cloud, site: str) -> tuple[int, int]:
    """Ports of the app's main host and of its scm host."""
    return await cloud.ports.of(site), await cloud.ports.of(f"{site}-scm")


async def site_model(cloud: Cloud, site: Resource) -> dict[str, Any]:
    """What the template needs of an app."""
    port, scm_port = await site_ports(cloud, site.name)
    config = site.inputs.get("siteConfig") or {}
    live = read_json(cloud.home.apps / site.name / "live.json", {})
    closed = site.inputs.get("publicNetworkAccess") == "Disabled"
    return {"name": site.name, "port": port, "scm_port": scm_port,
            "direct_port": await cloud.ports.of(f"{site.name}-direct"), "instances": live.get("ports", []),
            "stopped": live.get("stopped", False) or site.inputs.get("enabled") is False,
            "health": config.get("healthCheckPath"),
            "rules": [] if closed else restrictions(config),
            "default": "Deny" if closed else default_action(config)}


def restrictions(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The access rules in the order of their priority. Every caller here has a loopback address, so a service tag
    matches them all and the rule's headers decide; an address range is compared as it is
    (https://learn.microsoft.com/azure/app-service/app-service-ip-restrictions)."""
    rules = sorted(config.get("ipSecurityRestrictions") or [], key=lambda rule: rule.get("priority", 65000))
    return [{"action": rule.get("action", "Allow"), "headers": rule.get("headers") or {},
             "source": None if rule.get("tag") == "ServiceTag" or rule.get("ipAddress") in (None, "Any")
             else rule["ipAddress"]} for rule in rules]


def default_action(config: dict[str, Any]) -> str:
    """What unmatched callers get; with rules and no default said, App Service denies."""
    return config.get("ipSecurityRestrictionsDefaultAction") or \
        ("Deny" if config.get("ipSecurityRestrictions") else "Allow")
