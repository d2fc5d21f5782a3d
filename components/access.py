"""Who may do what: the rights of each app in one region, over both regions' accounts."""

from __future__ import annotations

import typing

import pulumi
from pulumi_azure_native.authorization import RoleAssignment

from components.identity import Role, assign, grant
from components.roles import Duty, only_writing
from components.service import Kind, Service
from shipments.settings import BODIES, CONTROL, LAKE, PHOTOS

if typing.TYPE_CHECKING:
    from components.region import Region

UPLOADS = (BODIES, PHOTOS)
REPORT = ".journal.json"
"""How the name of the worker's report on its journal ends, after the service's own."""


def grant_rights(region: Region, peer: Region, service: Service) -> list[RoleAssignment]:
    """The rights of one service's app in `region`: it writes to both regions, so that commands are held twice."""
    rights = [right for account in (region, peer) for right in _data_rights(region, account, service)]
    rights.append(_right(region, service, "metrics", Role.METRICS_PUBLISHER, region.monitoring.id))
    if service.vault_settings:
        rights.append(_right(region, service, "vault", Role.VAULT_SECRETS_USER, region.vault.id))
    if service.kind == Kind.FUNCTION_APP:
        rights.append(_right(region, service, "host-blobs", Role.BLOB_OWNER, region.host.id))
        rights.append(_right(region, service, "host-queues", Role.QUEUE_CONTRIBUTOR, region.host.id))
        rights.append(_report(region, service))
    return rights


def _data_rights(region: Region, account: Region, service: Service) -> list[RoleAssignment]:
    """The worker takes messages and fills the lake; web apps only send, look at lengths and upload; all read the
    control state, which operators write.  They get containers, not the account under a condition: conditions bind data
    actions alone, and this role's right to delete a container is none:
    https://learn.microsoft.com/azure/storage/blobs/storage-auth-abac-attributes and
    https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage#storage-blob-data-contributor"""
    queues, containers, at = account.queues.id, account.blobs.containers, account.location
    takes = service.kind == Kind.FUNCTION_APP
    on_queues = {"queues": Role.QUEUE_CONTRIBUTOR} if takes else {"send": Role.QUEUE_SENDER, "peek": Role.QUEUE_READER}
    return [
        *(_right(region, service, f"{what}-{at}", role, queues) for what, role in on_queues.items()),
        _right(region, service, f"{CONTROL}-{at}", Role.BLOB_READER, containers[CONTROL].id),
        *(_right(region, service, f"{name}-{at}", Role.BLOB_CONTRIBUTOR, containers[name].id)
          for name in ((*UPLOADS, LAKE) if takes else UPLOADS))]


def _report(region: Region, service: Service) -> RoleAssignment:
    """The worker tells beside the control state how far its journal is, and can change nothing else there."""
    return assign(f"may-{service.name}-{region.location}-report", region.identities[service.name].principal_id,
                  "ServicePrincipal", region.roles.ids[Duty.STATES], region.blobs.containers[CONTROL].id,
                  pulumi.ResourceOptions(parent=region), only_writing(service.name + REPORT))


def _right(region: Region, service: Service, what: str, role: Role, scope: pulumi.Input[str]) -> RoleAssignment:
    identity = region.identities[service.name]
    return grant(region.context, f"{service.name}-{region.location}-{what}", identity, role, scope,
                 pulumi.ResourceOptions(parent=region))
