"""User-assigned identities and role assignments. Ids are made from the resource's id, so a second twin has the same.

https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities/get
https://learn.microsoft.com/rest/api/authorization/role-assignments/get
"""

from typing import Any

from twin.services import azurite, storageroles
from twin.services.base import TENANT, Cloud, Resource
from twin.services.shapes import guid, shaped, tokens

IDENTITY = "azure-native:managedidentity:UserAssignedIdentity"


class Identity:
    """The identity endpoint (twin/cloud/identities.py) mints tokens for what is recorded here. Role assignments are
    enforced by vaults and storage, at once; Redis and PostgreSQL do not know them."""

    realised = tokens("managedidentity", "UserAssignedIdentity")
    recorded = tokens("authorization", "RoleAssignment", "RoleDefinition")

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """Ids that never change."""
        if resource.type == IDENTITY:
            return shaped(resource, principalId=guid(resource.id, "principal"), clientId=guid(resource.id, "client"),
                          tenantId=TENANT)
        enforce(cloud, resource.id, resource)
        if resource.type == storageroles.DEFINITION:
            return shaped(resource)
        return shaped(resource, principalType=resource.inputs.get("principalType") or "ServicePrincipal")

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """Rights end at once."""
        if resource.type != IDENTITY:
            enforce(cloud, resource.id, None)

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """Nothing runs."""


def enforce(cloud: Cloud, id: str, resource: Resource | None) -> None:
    """Tells storage of an assignment or definition that is put, or (None) deleted."""
    storageroles.change(cloud, id, resource)
    azurite.write_states(cloud)


SERVICE = Identity()
