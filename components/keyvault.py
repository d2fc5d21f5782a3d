"""Key Vault, one in each region, for what is secret and not an identity."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import keyvault

from components.context import Context


@dataclass(frozen=True)
class VaultArgs:
    """Where the vault is."""

    context: Context
    group: pulumi.Input[str]
    location: str


class Vault(pulumi.ComponentResource):
    """A vault that only roles open, from which nothing is purged within 90 days.

    Operators put values into it; the program and its state never hold one.  Apps read them as app settings:
    https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
    """

    def __init__(self, name: str, args: VaultArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Vault", name, None, opts)
        context = args.context
        self.vault = keyvault.Vault(
            name, vault_name=_name(args), resource_group_name=args.group, location=args.location,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=context.tenant, sku=keyvault.SkuArgs(family="A", name="standard"),
                enable_rbac_authorization=True, enable_soft_delete=True, soft_delete_retention_in_days=90,
                enable_purge_protection=True, public_network_access="Enabled",
                network_acls=keyvault.NetworkRuleSetArgs(default_action="Allow", bypass="AzureServices")),
            tags=context.tags, opts=context.keeps_data(self))
        self.id, self.name = self.vault.id, self.vault.name
        self.register_outputs({"name": self.name})

    def reference(self, secret: str) -> pulumi.Output[str]:
        """The app setting value that App Service replaces by the secret's newest version."""
        return pulumi.Output.format("@Microsoft.KeyVault(VaultName={0};SecretName={1})", self.name, secret)


def _name(args: VaultArgs) -> str:
    """Vault names have 24 characters, so the region is short."""
    facts = next(region.facts for region in args.context.platform.regions if region.location == args.location)
    return args.context.naming.of_kind("kv", facts.short)
