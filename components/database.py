"""PostgreSQL: a server in each region, of which one writes and the other follows it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import dbforpostgresql as postgres
from pulumi_azure_native.managedidentity import UserAssignedIdentity

from components.context import Context
from components.endpoint import make_endpoint

SWITCHED = ["createMode", "sourceServerResourceId", "replica", "replicationRole", "availabilityZone",
            "highAvailability", "administratorLogin", "version"]
"""What a promotion changes outside Pulumi, and what only the server that was made as primary was given.  Some of it
can only be set at creation, so that an `up` after a refresh would otherwise replace, and thereby delete, both servers:
https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas-promote"""


@dataclass(frozen=True)
class DatabaseArgs:
    """`groups` and `migrators`: region -> resource group, and the identity that administers the servers."""

    context: Context
    groups: Mapping[str, pulumi.Input[str]]
    migrators: Mapping[str, UserAssignedIdentity]


class Database(pulumi.ComponentResource):
    """Two servers named after their regions, not their roles, because roles change.

    The first region's is made as the writer, the second's as its replica, and nothing here follows `primary`
    afterwards: who writes is decided by promotions, which the program neither repeats nor undoes.
    Only Entra tokens open them; each region's migrator is an administrator.  The servers listen publicly
    to addresses of Azure (the rule 0.0.0.0), for there is no virtual network yet.  A server answers
    ServerBusy to two changes at a time, so its children are made one after another.
    Replicas need General Purpose or Memory Optimized with equal tier and storage:
    https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas
    """

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Database", name, None, opts)
        self.args, self.context = args, args.context
        first, second = (region.location for region in self.context.platform.regions)
        source = self._server(first, None)
        last = self._children(first, source)
        replica = self._server(second, source, last)
        last = self._firewall(second, replica, replica, last)
        self.servers = {first: source, second: replica}
        self.endpoint = make_endpoint(self.context, self.servers, self, last)
        self.hosts = {region: server.fully_qualified_domain_name for region, server in self.servers.items()}
        self.register_outputs({"hosts": self.hosts})

    def _server(self, region: str, source: postgres.Server | None, *after: pulumi.Resource) -> postgres.Server:
        """A writer, or the replica of `source`; a replica takes version and logins from its source."""
        wanted, context = self.context.platform.database, self.context
        role = {"create_mode": "Default", "version": wanted.version, "high_availability":
                postgres.HighAvailabilityArgs(mode=wanted.high_availability)}
        if source is not None:
            role = {"create_mode": "Replica", "source_server_resource_id": source.id}
        return postgres.Server(
            f"postgres-{region}", server_name=context.naming.of_kind("psql", region), location=region,
            resource_group_name=self.args.groups[region], sku=postgres.SkuArgs(name=wanted.sku, tier=wanted.tier),
            storage=postgres.StorageArgs(storage_size_gb=wanted.storage_gb, auto_grow="Enabled"),
            backup=postgres.BackupArgs(backup_retention_days=wanted.backup_days, geo_redundant_backup="Disabled"),
            auth_config=postgres.AuthConfigArgs(active_directory_auth="Enabled", password_auth="Disabled",
                                                tenant_id=context.tenant),
            network=postgres.NetworkArgs(public_network_access="Enabled"), tags=context.tags, **role,
            opts=context.keeps_data(self, ignore_changes=SWITCHED, depends_on=list(after)))

    def _children(self, region: str, server: postgres.Server) -> pulumi.Resource:
        """What the first writer holds; its replica receives databases and administrators from it, for good."""
        at = {"server_name": server.name, "resource_group_name": self.args.groups[region]}
        previous: pulumi.Resource = self._firewall(region, server, server)
        previous = postgres.Database(
            f"database-{region}", database_name=self.context.platform.database.name, charset="UTF8",
            collation="en_US.utf8", **at, opts=self.context.options(self, previous, retain_on_delete=True))
        for migrator_region, identity in self.args.migrators.items():
            previous = postgres.AdministratorsMicrosoftEntra(
                f"administrator-{region}-{migrator_region}", object_id=identity.principal_id,
                principal_name=identity.name, principal_type="ServicePrincipal", tenant_id=self.context.tenant,
                **at, opts=self.context.options(self, previous, retain_on_delete=True))
        return previous

    def _firewall(self, region: str, server: postgres.Server, *after: pulumi.Resource) -> postgres.FirewallRule:
        """https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-firewall-rules"""
        return postgres.FirewallRule(
            f"firewall-{region}", firewall_rule_name="azure", start_ip_address="0.0.0.0", end_ip_address="0.0.0.0",
            server_name=server.name, resource_group_name=self.args.groups[region],
            opts=self.context.options(self, *after))
