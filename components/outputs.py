"""What the stack tells its operators."""

from collections.abc import Mapping

import pulumi

from components.context import Context
from components.database import Database
from components.edge import Edge
from components.region import Region


def export_all(context: Context, edge: Edge, regions: Mapping[str, Region], database: Database) -> None:
    """`portalUrl`, `apiUrl`, and by region each app's host and the names that operators and tools need."""
    pulumi.export("portalUrl", edge.url)
    pulumi.export("apiUrl", pulumi.Output.concat(edge.url, "/api"))
    pulumi.export("frontDoorId", edge.id)
    pulumi.export("subscription", context.subscription)
    pulumi.export("tenant", context.tenant)
    pulumi.export("primaryRegion", context.platform.primary)
    pulumi.export("databaseEndpoint", database.endpoint.name)
    pulumi.export("regions", {name: _region(region, database) for name, region in regions.items()})


def _region(region: Region, database: Database) -> dict[str, pulumi.Input[object]]:
    return {
        **{name: site.host for name, site in region.sites.items()},
        "resourceGroup": region.group.name,
        "queueAccount": region.queues.name,
        "queueUri": region.queues.queue_uri,
        "blobAccount": region.blobs.name,
        "blobUri": region.blobs.blob_uri,
        "vault": region.vault.name,
        "postgres": database.hosts[region.location],
        "postgresServer": database.servers[region.location].name,
        "redis": region.cache.host,
        "workspace": region.monitoring.workspace.name,
    }
