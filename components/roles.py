"""Roles of our own: what Azure's built-in ones give too much of, or not at all."""

import uuid
from enum import StrEnum

import pulumi
from pulumi_azure_native import authorization

from components.context import Context

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_POSTGRES, _SITES = "Microsoft.DBforPostgreSQL/flexibleServers", "Microsoft.Web/sites"


class Duty(StrEnum):
    """What operators, and the worker, do beside what the built-in roles allow."""

    STATES = "states"
    APPS = "apps"
    STORES = "stores"
    ORIGINS = "origins"
    WAITING = "waiting"


ACTIONS = {
    Duty.APPS: (f"{_SITES}/read", f"{_SITES}/start/action", f"{_SITES}/stop/action", f"{_SITES}/restart/action",
                "Microsoft.Web/serverfarms/read", "Microsoft.Web/serverfarms/write"),
    Duty.STORES: (f"{_POSTGRES}/read", f"{_POSTGRES}/write", f"{_POSTGRES}/delete", f"{_POSTGRES}/start/action",
                  f"{_POSTGRES}/stop/action", f"{_POSTGRES}/restart/action", f"{_POSTGRES}/replicas/read",
                  f"{_POSTGRES}/virtualendpoints/read", f"{_POSTGRES}/virtualendpoints/write",
                  "Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/write",
                  "Microsoft.Storage/storageAccounts/failover/action"),
    Duty.ORIGINS: ("Microsoft.Cdn/profiles/origingroups/read", "Microsoft.Cdn/profiles/origingroups/origins/read",
                   "Microsoft.Cdn/profiles/origingroups/origins/write"),
    Duty.WAITING: ("Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read",
                   "Microsoft.DBforPostgreSQL/locations/operationResults/read",
                   "Microsoft.Cdn/operationresults/*"),
}
"""Duty -> actions of Resource Manager.  Promoting a replica is a write of the server, and protecting again deletes a
primary that came back and makes it anew as a replica.  Results of long operations lie beside the resources, not below:
https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations and
https://github.com/Azure/azure-rest-api-specs/issues/13700 (AuthorizationFailed on .../locations/... of the group)."""
DATA_ACTIONS = {Duty.STATES: (f"{BLOBS}/read", f"{BLOBS}/write")}
"""Duty -> actions on data; assigned with `only_writing`, which says which blob."""


def only_writing(blob: str) -> str:
    """The condition of an assignment of STATES in one container: every document may be read, `blob` alone written.
    Conditions bind data actions only, so the role has no others.  Blob paths do not begin with the container:
    https://learn.microsoft.com/azure/storage/blobs/storage-auth-abac-attributes#blob-path and
    https://learn.microsoft.com/azure/role-based-access-control/conditions-format"""
    return f"((!(ActionMatches{{'{BLOBS}/write'}})) OR (@Resource[{BLOBS}:path] StringEquals '{blob}'))"


class Roles(pulumi.ComponentResource):
    """One custom role for each duty; `ids`: duty -> the id of its definition.

    Whoever deploys needs `Microsoft.Authorization/roleDefinitions/write`, as in User Access Administrator:
    https://learn.microsoft.com/azure/role-based-access-control/custom-roles#who-can-create-delete-update-or-view-a-custom-role
    """

    def __init__(self, name: str, context: Context, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Roles", name, None, opts)
        self.context = context
        self.ids = {duty: self._role(f"{name}-{duty}", duty).id for duty in Duty}
        self.register_outputs({})

    def _role(self, name: str, duty: Duty) -> authorization.RoleDefinition:
        """Names of roles are unique in a tenant, ids are made from what makes the stack unique."""
        naming, scope = self.context.naming, self.context.scope
        allowed = authorization.PermissionArgs(actions=list(ACTIONS.get(duty, ())),
                                               data_actions=list(DATA_ACTIONS.get(duty, ())))
        return authorization.RoleDefinition(
            name, role_definition_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}/{naming.suffix}/{duty}")),
            role_name=f"{naming.platform} {naming.stack} {duty} ({naming.suffix})", role_type="CustomRole",
            description=f"Failing a service over: {duty}.", permissions=[allowed], scope=scope,
            assignable_scopes=[scope], opts=pulumi.ResourceOptions(parent=self))
