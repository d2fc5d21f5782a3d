"""Key Vault."""

import pytest

from components.keyvault import Vault, VaultArgs


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_only_roles_open_a_vault_and_nothing_is_purged(recorded, region):
    vault = recorded.one("keyvault:Vault", f"vault-{region}")
    properties = vault.inputs["properties"]
    assert properties["enableRbacAuthorization"] is True, "access policies would be a second way in"
    assert properties["enablePurgeProtection"] is True, "a deleted secret can be brought back for 90 days"
    assert "accessPolicies" not in properties, "roles are the only way in"
    assert vault.protect, "sessions depend on its keys"


def test_the_program_never_holds_a_secret(recorded):
    assert not recorded.of("keyvault:Secret"), "operators put values, the state must not hold them"


def test_a_reference_names_vault_and_secret_without_a_version(run, context):
    reached = []
    def make():
        Vault("vault", VaultArgs(context, "group", "eastus")).reference("webhook").apply(reached.append)
    run(make)
    name = context.naming.of_kind("kv", "eus")
    assert reached == [f"@Microsoft.KeyVault(VaultName={name};SecretName=webhook)"], "so that a new version is read"


def test_a_service_reads_its_settings_from_its_own_regions_vault(varied):
    settings = {item["name"]: item["value"] for item in
                varied.inputs("web:WebApp", "worker-westus")["siteConfig"]["appSettings"]}
    assert "VaultName=kv-tracking-wus-" in settings["NOTIFICATION_WEBHOOK"], "its own region's vault"
    granted = {name for name in varied.of("authorization:RoleAssignment") if name.endswith("-vault")}
    assert granted == {"may-worker-eastus-vault", "may-worker-westus-vault"}, "only who needs it may read the vault"
    site = varied.inputs("web:WebApp", "worker-westus")
    assert site["keyVaultReferenceIdentity"] == "/id/identity-worker-westus", "it reads with its own identity"
