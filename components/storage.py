"""Storage accounts: queues, blobs, the function host's own, static content."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi
from pulumi_azure_native import storage

from components.context import Context

BLOB_VERSION = "2023-11-03"
"""How a request is read that names no version: else as one from before there were tokens, and Front Door, which
sends a token and is not known to send a version, would get 403 for its requests and its probes.
https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services
https://learn.microsoft.com/answers/questions/2287975/front-door-authentication-failed-with-private-endp"""
KEPT_DAYS = 14
"""How long a deleted blob or container can be restored.  Unlike point-in-time restore, it does not stand in the way of
a planned failover: https://learn.microsoft.com/azure/storage/common/storage-disaster-recovery-guidance"""

MOVED = ["sku", "location"]
"""A change of `location` would replace the account, and Microsoft's pages do not say whether it follows a failover."""


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
    What a storage failover changes is left alone after creation: the redundancy, and where the account says it is
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
        after = args.context.options(self, _blob_service(name, at, self)) if args.containers else None
        self.containers = {
            container: storage.BlobContainer(f"{name}-{container}", container_name=container, public_access="None",
                                             **at, opts=after) for container in args.containers}
        self.register_outputs({"name": self.name})

    @property
    def blob_host(self) -> pulumi.Output[str]:
        """Where blobs are read and written, as `host[:port]`."""
        return self.account.primary_endpoints.apply(lambda ends: urlsplit(ends.blob).netloc)

    @property
    def secondary_blob_host(self) -> pulumi.Output[str]:
        """Where a read-access account is read in its paired region, as `host[:port]`.  One that a failover left without
        a copy names none, so it is named as Azure would: whoever uses it does not change it then."""
        copy = self.account.secondary_endpoints
        return self.blob_host.apply(lambda host: copy.apply(lambda ends: _secondary(host, ends)))


def _account(name: str, args: StorageArgs, parent: pulumi.Resource) -> storage.StorageAccount:
    context = args.context
    return storage.StorageAccount(
        name, account_name=context.naming.storage(args.kind, args.location), resource_group_name=args.group,
        location=args.location, kind="StorageV2", sku=storage.SkuArgs(name=args.sku), access_tier="Hot",
        allow_shared_key_access=False, default_to_o_auth_authentication=True, allow_blob_public_access=False,
        allow_cross_tenant_replication=False, is_local_user_enabled=False, minimum_tls_version="TLS1_2",
        enable_https_traffic_only=True, public_network_access="Enabled",
        network_rule_set=storage.NetworkRuleSetArgs(default_action="Allow", bypass="AzureServices"),
        tags=context.tags, opts=context.keeps_data(parent, ignore_changes=MOVED))


def _secondary(primary_host: str, secondary_ends: storage.outputs.EndpointsResponse | None) -> str:
    account, _, rest = primary_host.partition(".")
    return urlsplit(secondary_ends.blob).netloc if secondary_ends else f"{account}-secondary.{rest}"


def _blob_service(name: str, at: dict[str, pulumi.Input[str]],
                  parent: pulumi.Resource) -> storage.BlobServiceProperties:
    """Containers wait for it, for an account takes one change of its blob service at a time."""
    kept = storage.DeleteRetentionPolicyArgs(enabled=True, days=KEPT_DAYS)
    return storage.BlobServiceProperties(
        f"{name}-service", blob_services_name="default", default_service_version=BLOB_VERSION,
        delete_retention_policy=kept, container_delete_retention_policy=kept, **at,
        opts=pulumi.ResourceOptions(parent=parent))
