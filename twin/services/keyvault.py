"""Key vaults: the resource; the secrets themselves are twin/cloud/vaults.py.

https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/get
"""

from typing import Any

from twin.services.base import TENANT, Cloud, Resource
from twin.services.shapes import shaped, tokens


class KeyVault:
    """A vault answers as soon as it is recorded: the control plane serves it by name."""

    realised = tokens("keyvault", "Vault")
    recorded = frozenset()

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """Adds where the vault is."""
        asked = resource.inputs.get("properties") or {}
        return shaped(resource, properties={"tenantId": TENANT, **asked, "vaultUri": cloud.vaults.uri(resource.name),
                                            "provisioningState": "Succeeded"})

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """Its secrets stay, as a soft-deleted vault's do (https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview)."""

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """The control plane serves it again."""


SERVICE = KeyVault()
