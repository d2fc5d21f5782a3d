"""Which hosts answer for each service in each region."""

from collections.abc import Mapping

import pulumi

from components.config import Platform
from components.edge import Edge
from components.region import Region
from components.route import RouteArgs, ServiceRoute
from components.service import Kind, Service
from components.static import CONTAINER, PROBE_BLOB, StaticSite


def route_all(platform: Platform, edge: Edge, regions: Mapping[str, Region],
              static: StaticSite) -> dict[str, ServiceRoute]:
    """One route for each service, by its name; an entry in the configuration is all that a further service needs."""
    return {service.name: ServiceRoute(f"route-{service.name}", _args(platform, edge, service, regions, static),
                                       pulumi.ResourceOptions(parent=edge)) for service in platform.services}


def _args(platform: Platform, edge: Edge, service: Service, regions: Mapping[str, Region],
          static: StaticSite) -> RouteArgs:
    primary = platform.primary_of(service)
    if service.kind == Kind.STATIC:
        return RouteArgs(edge, service, _static_hosts(platform, static), primary,
                         f"/{CONTAINER}/{PROBE_BLOB}", CONTAINER, [static.reader])
    if service.kind == Kind.EXTERNAL:
        return RouteArgs(edge, service, dict(service.hosts), primary)
    hosts = {name: region.sites[service.name].host for name, region in regions.items()}
    return RouteArgs(edge, service, hosts, primary)


def _static_hosts(platform: Platform, static: StaticSite) -> dict[str, pulumi.Output[str]]:
    """The account is written in the first region; the other one reads its copy."""
    home, other = (region.location for region in platform.regions)
    return {home: static.storage.blob_host, other: static.storage.secondary_blob_host}
