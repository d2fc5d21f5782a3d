"""Storage accounts: queues, blobs, the function host's own, static content."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi
from pulumi_azure_native import storage

from components.context import Context


@dataclass(frozen=True)
class StorageArgs:
    """`kind` is the letter in the account's name (q, b, h, s); `sku` such as Standard_GZRS."""

    context: Context
    group: pulumi.Input[str]
    location: str
    kind: str
    sku: str
    queues: Sequence[str] = ()
    containers: Sequence[str] = ()


class Storage(pulumi.ComponentResource):
    """One account with its queues and containers.

    Only Entra tokens open it: shared keys are off, and so is anonymous access
    (https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent).
    It listens on its public endpoint, for there is no virtual network yet.
    `sku` is left alone after creation, because a storage failover changes it
    (https://learn.microsoft.com/azure/storage/common/storage-failover-customer-managed-unplanned).
    """

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Storage", name, None, opts)
        self.account = _account(name, args, self)
        self.name, self.id = self.account.name, self.account.id
        self.blob_uri = self.account.primary_endpoints.apply(lambda ends: ends.blob)
        self.queue_uri = self.account.primary_endpoints.apply(lambda ends: ends.queue)
        at = {"account_name": self.account.name, "resource_group_name": args.group}
        inside = pulumi.ResourceOptions(parent=self)
        for queue in args.queues:
            storage.Queue(f"{name}-{queue}", queue_name=queue, **at, opts=inside)
        self.containers = {
            container: storage.BlobContainer(f"{name}-{container}", container_name=container, public_access="None",
                                             **at, opts=inside) for container in args.containers}
        self.register_outputs({"name": self.name})

    @property
    def blob_host(self) -> pulumi.Output[str]:
        """Where blobs are read and written, as `host[:port]`."""
        return self.account.primary_endpoints.apply(lambda ends: urlsplit(ends.blob).netloc)

    @property
    def secondary_blob_host(self) -> pulumi.Output[str]:
        """Where a read-access account is read in its paired region, as `host[:port]`."""
        return self.account.secondary_endpoints.apply(lambda ends: urlsplit(ends.blob).netloc)


def _account(name: str, args: StorageArgs, parent: pulumi.Resource) -> storage.StorageAccount:
    context = args.context
    return storage.StorageAccount(
        name, account_name=context.naming.storage(args.kind, args.location), resource_group_name=args.group,
        location=args.location, kind="StorageV2", sku=storage.SkuArgs(name=args.sku), access_tier="Hot",
        allow_shared_key_access=False, default_to_o_auth_authentication=True, allow_blob_public_access=False,
        allow_cross_tenant_replication=False, is_local_user_enabled=False, minimum_tls_version="TLS1_2",
        enable_https_traffic_only=True, public_network_access="Enabled",
        network_rule_set=storage.NetworkRuleSetArgs(default_action="Allow", bypass="AzureServices"),
        tags=context.tags, opts=context.keeps_data(parent, ignore_changes=["sku"]))
