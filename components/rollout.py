"""The order in which new code reaches the regions: standby first, primary when that runs."""

from collections.abc import Mapping

import pulumi

from components import packages
from components.config import Platform
from components.deployment import Deployment, DeploymentArgs
from components.region import Region
from components.service import Kind, Service

PACKAGE_OF = {Kind.WEB_APP: "portal", Kind.FUNCTION_APP: "functions"}


def roll_out(platform: Platform, regions: Mapping[str, Region]) -> None:
    """One deployment for each app and region.  A package that cannot start in the standby region never
    reaches the primary one, because that waits for it."""
    loaded = {kind: packages.load(name) for kind, name in PACKAGE_OF.items()}
    for service in (service for service in platform.services if service.kind in loaded):
        primary = platform.primary_of(service)
        first: list[pulumi.Resource] = []
        for region in sorted(regions, key=lambda name: name == primary):
            first = [_deploy(service, regions[region], loaded[service.kind], first)]


def _deploy(service: Service, region: Region, package: packages.Package, after: list[pulumi.Resource]) -> Deployment:
    site = region.sites[service.name]
    args = DeploymentArgs(service.name, region.location, package, site.site.id, site.scm_host, site.host)
    return Deployment(f"code-{service.name}-{region.location}", args,
                      pulumi.ResourceOptions(parent=site, depends_on=[site.policy, *after]))
