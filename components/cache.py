"""Azure Managed Redis, one in each region; nothing in it is the only copy."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import redisenterprise
from pulumi_azure_native.managedidentity import UserAssignedIdentity

from components.context import Context

PORT = 10000


@dataclass(frozen=True)
class CacheArgs:
    """`users`: service name -> the identity that may read and write."""

    context: Context
    group: pulumi.Input[str]
    location: str
    users: Mapping[str, UserAssignedIdentity]


class Cache(pulumi.ComponentResource):
    """A cluster, its one database, and a data access policy for each app.

    Access keys are off: apps sign in with an Entra token and their object id as user name
    (https://learn.microsoft.com/azure/redis/entra-for-authentication).  `NoCluster` suits a plain
    client and is the one policy that can be changed later; `allkeys-lru` because all of it is a cache.
    Policies are made one after another: the cluster takes one change at a time.
    """

    def __init__(self, name: str, args: CacheArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Cache", name, None, opts)
        self.cluster = _cluster(name, args, self)
        self.database = redisenterprise.Database(
            f"{name}-default", database_name="default", cluster_name=self.cluster.name,
            resource_group_name=args.group, port=PORT, client_protocol="Encrypted", clustering_policy="NoCluster",
            eviction_policy="AllKeysLRU", access_keys_authentication="Disabled",
            opts=pulumi.ResourceOptions(parent=self))
        self.name = self.cluster.name
        self.host = pulumi.Output.format("{0}:{1}", self.cluster.host_name, self.database.port)
        previous: pulumi.Resource = self.database
        for service, identity in args.users.items():
            previous = self._admit(f"{name}-{service}", service, identity, args, previous)
        self.last_policy = previous
        self.register_outputs({"host": self.host})

    def _admit(self, name: str, service: str, identity: UserAssignedIdentity, args: CacheArgs,
               previous: pulumi.Resource) -> redisenterprise.AccessPolicyAssignment:
        return redisenterprise.AccessPolicyAssignment(
            name, access_policy_assignment_name=service.replace("-", ""), access_policy_name="default",
            cluster_name=self.cluster.name, database_name=self.database.name, resource_group_name=args.group,
            user=redisenterprise.AccessPolicyAssignmentPropertiesUserArgs(object_id=identity.principal_id),
            opts=args.context.options(self, previous))


def _cluster(name: str, args: CacheArgs, parent: pulumi.Resource) -> redisenterprise.RedisEnterprise:
    context, wanted = args.context, args.context.platform.cache
    return redisenterprise.RedisEnterprise(
        name, cluster_name=context.naming.of_kind("redis", args.location), resource_group_name=args.group,
        location=args.location, sku=redisenterprise.SkuArgs(name=wanted.sku),
        high_availability="Enabled" if wanted.high_availability else "Disabled",
        minimum_tls_version="1.2", public_network_access="Enabled", tags=context.tags,
        opts=context.options(parent))
