"""What the stack tells its operators: every name and id that `failover/` and the runbooks need, and no secret.

`pulumi stack output --json` gives, beside the URLs and names at the top of `export_all`:

    platform       {name, stack}
    services       [{name, kind, path, owner, primary, mode, strategy, targets {availability, rtoSeconds, rpoSeconds},
                   probe {path, method, intervalSeconds, sampleSize, successfulSamples}, operators [{objectId, type}]}]
    writerService  the service that applies commands
    static         {account, accountId, resourceGroup, location, secondaryLocation, container}
    frontDoor      {profile, resourceGroup, originGroups: {service: group}}; origins are named after their regions
    drill          {maxAgeDays}
    regions        {location: names, hosts and resource ids; `sites`: {service: {id, host}}}
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.context import Context
from components.database import Database
from components.edge import Edge
from components.region import Region
from components.regions import REGIONS
from components.route import ServiceRoute
from components.service import Principal, Service
from components.static import CONTAINER, StaticSite

Told = dict[str, object]


@dataclass(frozen=True)
class Exported:
    """What there is to tell about; `routes`: service -> its way through the edge."""

    context: Context
    edge: Edge
    regions: Mapping[str, Region]
    database: Database
    static: StaticSite
    routes: Mapping[str, ServiceRoute]


def export_all(made: Exported) -> None:
    """Exports everything that the module's docstring names."""
    context, platform = made.context, made.context.platform
    pulumi.export("portalUrl", made.edge.url)
    pulumi.export("apiUrl", pulumi.Output.concat(made.edge.url, "/api"))
    pulumi.export("frontDoorId", made.edge.id)
    pulumi.export("subscription", context.subscription)
    pulumi.export("tenant", context.tenant)
    pulumi.export("platform", {"name": platform.name, "stack": context.naming.stack})
    pulumi.export("primaryRegion", platform.primary)
    pulumi.export("databaseEndpoint", made.database.endpoint.name)
    pulumi.export("services", [_service(context, service, made.routes[service.name]) for service in platform.services])
    pulumi.export("writerService", platform.writer.name)
    pulumi.export("static", _static(made.static))
    pulumi.export("frontDoor", _front_door(made))
    pulumi.export("drill", platform.drill.model_dump(mode="json", by_alias=True))
    pulumi.export("regions", {name: _region(region, made.database) for name, region in made.regions.items()})


def _service(context: Context, service: Service, route: ServiceRoute) -> Told:
    """What its entry in the configuration says, with what was left to the platform filled in."""
    told = service.model_dump(mode="json", by_alias=True, include={
        "name", "kind", "path", "owner", "mode", "strategy", "targets", "probe"})
    told["probe"]["path"] = service.probe.path or route.args.probe_path
    return {**told, "primary": context.platform.primary_of(service),
            "operators": [_principal(operator) for operator in context.operators(service)]}


def _principal(principal: Principal) -> dict[str, str]:
    return principal.model_dump(mode="json", by_alias=True)


def _static(static: StaticSite) -> Told:
    """Its account is copied to the region that Azure pairs with its own, whichever the platform's other one is."""
    return {"account": static.storage.name, "accountId": static.storage.id, "resourceGroup": static.group,
            "location": static.location, "secondaryLocation": REGIONS[static.location].pair, "container": CONTAINER}


def _front_door(made: Exported) -> Told:
    groups = {name: route.origins.group.name for name, route in made.routes.items()}
    return {"profile": made.edge.profile.name, "resourceGroup": made.edge.group, "originGroups": groups}


def _region(region: Region, database: Database) -> Told:
    return {
        **{name: site.host for name, site in region.sites.items()},
        "sites": {name: {"id": site.site.id, "host": site.host} for name, site in region.sites.items()},
        "resourceGroup": region.group.name,
        "queueAccount": region.queues.name,
        "queueAccountId": region.queues.id,
        "queueUri": region.queues.queue_uri,
        "blobAccount": region.blobs.name,
        "blobAccountId": region.blobs.id,
        "blobUri": region.blobs.blob_uri,
        "vault": region.vault.name,
        "postgres": database.hosts[region.location],
        "postgresServer": database.servers[region.location].name,
        "postgresServerId": database.servers[region.location].id,
        "redis": region.cache.host,
        "redisName": region.cache.name,
        "planId": region.plan.id,
        "instances": region.wanted.instances,
        "standbyInstances": region.wanted.warm_instances,
        "workspace": region.monitoring.workspace.name,
    }
