"""What Azure refuses that its type data cannot tell: one small function per type, in `RULES`.

Each takes the inputs (unknown values are UNKNOWN, so a rule looks only at what it knows) and gives refusals. Codes are
the service's own where they are known, else its general one (BadRequest; flexible servers: InvalidParameterValue).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twin.provider.check import Refusal
from twin.provider.table import normal_location
from twin.provider.values import UNKNOWN, holds_unknown

WITHOUT_ZONES = frozenset((
    "westus", "northcentralus", "westcentralus", "canadaeast", "ukwest", "westindia",
    "southindia", "australiasoutheast", "australiacentral", "japanwest", "koreasouth", "francesouth",
    "germanynorth", "norwaywest",
))
"""https://learn.microsoft.com/azure/reliability/regions-list: regions with "not supported" availability zones."""

Rule = Callable[[Mapping[str, Any]], Iterator[Refusal]]


def storage_account(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """https://learn.microsoft.com/azure/storage/common/storage-redundancy#supported-storage-account-types; code as in
    https://github.com/Azure-Samples/microsoft-foundry-baseline/issues/66 (West US)."""
    sku, location = _get(inputs, "sku", "name"), _get(inputs, "location")
    if sku and "ZRS" in sku and location and normal_location(location) in WITHOUT_ZONES:
        best = sku.replace("GZRS", "GRS").replace("_ZRS", "_LRS")
        yield Refusal("sku.name", "RedundancyConfigurationNotAvailableInRegion",
                      f"{sku} needs zones and {location} has none; use {best} there, or a region with zones.")
    if _get(inputs, "kind") == "BlobStorage" and "accessTier" not in inputs:
        yield Refusal("accessTier", "InvalidRequestContent", "kind BlobStorage needs an access tier; give Hot or Cool.")
    if inputs.get("isHnsEnabled") is False and inputs.get("enableNfsV3") is True:
        yield Refusal("enableNfsV3", "InvalidRequestPropertyValue", "NFS 3.0 needs isHnsEnabled; set it or drop NFS.")


def container(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata"""
    name = _get(inputs, "containerName")
    if name and not re.fullmatch(r"\$(root|web|logs)|[a-z0-9](-?[a-z0-9]){2,62}", name):
        yield Refusal("containerName", "InvalidResourceName", "3 to 63 lower-case letters, digits and single hyphens, "
                      f"beginning and ending with a letter or digit; got {name!r}.")


def postgres(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """https://learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas and the server's own limits."""
    tier, sku, mode = _get(inputs, "sku", "tier"), _get(inputs, "sku", "name"), _get(inputs, "createMode")
    replica, code = mode == "Replica", "InvalidParameterValue"
    if replica and tier == "Burstable":
        yield Refusal("sku.tier", code,
                      "replicas need GeneralPurpose or MemoryOptimized, got Burstable; choose one for both servers.")
    if replica and "sourceServerResourceId" not in inputs:
        yield Refusal("sourceServerResourceId", code, "createMode Replica needs the primary server's id.")
    if tier == "Burstable" and _get(inputs, "highAvailability", "mode") not in (None, "Disabled"):
        yield Refusal("highAvailability.mode", code,
                      "high availability needs GeneralPurpose or MemoryOptimized; change sku.tier or disable it.")
    if sku and tier and not sku.startswith({"Burstable": "Standard_B", "GeneralPurpose": "Standard_D",
                                            "MemoryOptimized": "Standard_E"}.get(tier, "")):
        yield Refusal("sku.name", code, f"{sku} is no {tier} size; take one of it or change sku.tier.")
    size = _get(inputs, "storage", "storageSizeGB")
    if size and _get(inputs, "storage", "type") != "PremiumV2_LRS" and size not in _SIZES:
        sizes = ", ".join(map(str, _SIZES))
        yield Refusal("storage.storageSizeGB", code, f"allowed: {sizes}; got {size}.")
    backup = _get(inputs, "backup", "backupRetentionDays")
    if backup is not None and not 7 <= backup <= 35:
        yield Refusal("backup.backupRetentionDays", code, f"allowed 7..35 days, got {backup}.")
    signs_in = not holds_unknown(inputs.get("authConfig")) and _get(inputs, "authConfig", "passwordAuth") != "Disabled"
    fresh = inputs.get("createMode") in (None, "Default", "Create")
    if fresh and signs_in and "administratorLoginPassword" not in inputs:
        yield Refusal("administratorLoginPassword", code, "a new server with password sign-in needs an "
                      "administrator password; give one, or set authConfig.passwordAuth to Disabled and use Entra.")


def origin_group(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """https://learn.microsoft.com/azure/frontdoor/health-probes#how-front-door-determines-backend-health"""
    sample, needed = (_get(inputs, "loadBalancingSettings", k) for k in ("sampleSize", "successfulSamplesRequired"))
    if sample is not None and needed is not None and needed > sample:
        yield Refusal("loadBalancingSettings.successfulSamplesRequired", "BadRequest",
                      f"at most sampleSize ({sample}), got {needed}; lower it or raise sampleSize.")
    if inputs.get("trafficRestorationTimeToHealedOrNewEndpointsInMinutes") is not None:
        yield Refusal("trafficRestorationTimeToHealedOrNewEndpointsInMinutes", "BadRequest",
                      "not supported by Front Door Standard and Premium; leave it out.")


def origin(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """https://learn.microsoft.com/azure/frontdoor/origin?pivots=front-door-standard-premium: private link on Premium,
    with certificate name check; the host name is a name, not a URL."""
    host = _get(inputs, "hostName")
    if host and ("/" in host or " " in host):
        yield Refusal("hostName", "BadRequest", f"a host name without scheme or path, got {host!r}.")
    if inputs.get("sharedPrivateLinkResource") and inputs.get("enforceCertificateNameCheck") is False:
        yield Refusal("enforceCertificateNameCheck", "BadRequest", "private link needs the check; set it to true.")


def profile(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """Classic profiles cannot be created: https://learn.microsoft.com/azure/cdn/classic-cdn-retirement-faq"""
    sku = _get(inputs, "sku", "name")
    if sku and sku not in ("Standard_AzureFrontDoor", "Premium_AzureFrontDoor"):
        yield Refusal("sku.name", "BadRequest", f"{sku} cannot be created any more; use Standard_AzureFrontDoor or "
                      "Premium_AzureFrontDoor.")
    timeout = inputs.get("originResponseTimeoutSeconds")
    if isinstance(timeout, int) and not 16 <= timeout <= 240:
        yield Refusal("originResponseTimeoutSeconds", "BadRequest", f"allowed 16..240 seconds, got {timeout}.")


def vault(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview, and
    https://github.com/Azure/azure-rest-api-specs/issues/18106: purge protection cannot be set to false."""
    days = _get(inputs, "properties", "softDeleteRetentionInDays")
    if days is not None and not 7 <= days <= 90:
        yield Refusal("properties.softDeleteRetentionInDays", "BadRequest", f"allowed 7..90 days, got {days}.")
    if _get(inputs, "properties", "enablePurgeProtection") is False:
        yield Refusal("properties.enablePurgeProtection", "BadRequest", "false is not accepted; leave it out, or true.")
    properties = inputs.get("properties") or {}
    roles = _get(properties, "enableRbacAuthorization") is True
    if not roles and not _get(properties, "accessPolicies") and not holds_unknown(properties):
        yield Refusal("properties.accessPolicies", "BadRequest",
                      "a vault without role-based authorisation needs access policies; set enableRbacAuthorization.")


def app_plan(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """https://learn.microsoft.com/azure/reliability/reliability-app-service: zones, tier and at least two instances."""
    if inputs.get("zoneRedundant") is not True:
        return
    name, location, capacity = _get(inputs, "sku", "name"), _get(inputs, "location"), _get(inputs, "sku", "capacity")
    if location and normal_location(location) in WITHOUT_ZONES:
        yield Refusal("zoneRedundant", "BadRequest", f"{location} has no zones; set it to false.")
    if name and not re.fullmatch(r"(P\d+m?v[234]|FC1|EP\d|I\d+v2)", name, re.IGNORECASE):
        yield Refusal("zoneRedundant", "BadRequest", f"needs Premium v2, v3 or v4, got {name}.")
    if capacity is not None and capacity < 2 and name != "FC1":
        yield Refusal("sku.capacity", "BadRequest", f"needs at least 2, got {capacity}.")


def redis_cluster(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """publicNetworkAccess is required from 2025-07-01 on; Enterprise SKUs retire:
    https://learn.microsoft.com/azure/redis/retirement-faq"""
    sku = _get(inputs, "sku", "name")
    if sku and sku.startswith("Enterprise"):
        yield Refusal("sku.name", "BadRequest", f"{sku} cannot be created any more; use Balanced_B0 or larger.")


def role_assignment(inputs: Mapping[str, Any]) -> Iterator[Refusal]:
    """https://learn.microsoft.com/azure/role-based-access-control/troubleshooting: both are ids, not names."""
    principal, role = _get(inputs, "principalId"), _get(inputs, "roleDefinitionId")
    if principal and not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", principal):
        yield Refusal("principalId", "InvalidPrincipalId", f"must be the GUID of an Entra object, got {principal!r}.")
    if role and "/roleDefinitions/" not in role:
        yield Refusal("roleDefinitionId", "InvalidRoleDefinitionId", f"must be a full resource id, got {role!r}.")


def _get(inputs: Any, *path: str) -> Any:
    """The value at a path, None when it is absent or not known yet."""
    for step in path:
        inputs = inputs.get(step) if isinstance(inputs, Mapping) else None
    return None if inputs == UNKNOWN else inputs


_SIZES = (32, 64, 128, 256, 512, 1024, 2048, 4095, 4096, 8192, 16384, 32767, 32768)
"""https://learn.microsoft.com/azure/postgresql/compute-storage/concepts-storage-premium-ssd, in GiB."""

RULES: Mapping[str, Rule] = {
    f"azure-native:{token}": rule
    for token, rule in {
        "storage:StorageAccount": storage_account, "storage:BlobContainer": container,
        "dbforpostgresql:Server": postgres,
        "cdn:AFDOriginGroup": origin_group, "cdn:AFDOrigin": origin, "cdn:Profile": profile, "keyvault:Vault": vault,
        "web:AppServicePlan": app_plan, "redisenterprise:RedisEnterprise": redis_cluster,
        "authorization:RoleAssignment": role_assignment,
    }.items()
}
