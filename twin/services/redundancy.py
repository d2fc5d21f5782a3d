"""Where a storage account's copies are: by its SKU, and by the failovers that it has been through.

https://learn.microsoft.com/azure/storage/common/storage-redundancy .  What was asked for is in the inputs; what is now,
which a failover changes, in the outputs (`sku`, `primaryLocation`); `location` never changes
(https://learn.microsoft.com/azure/storage/common/storage-disaster-recovery-guidance#storage-resource-provider).
"""

from twin.services.base import AzureError, Resource

PAIRS = {"eastus": "westus", "eastus2": "centralus", "westus2": "westcentralus", "northcentralus": "southcentralus",
         "northeurope": "westeurope", "uksouth": "ukwest", "francecentral": "francesouth",
         "germanywestcentral": "germanynorth", "southeastasia": "eastasia", "japaneast": "japanwest",
         "australiaeast": "australiasoutheast", "canadacentral": "canadaeast", "westus3": "eastus"}
"""https://learn.microsoft.com/azure/reliability/regions-paired"""
PEERS = {second: first for first, second in PAIRS.items()} | PAIRS


WITHOUT_ZONES = {"westus", "northcentralus", "westcentralus", "ukwest", "francesouth", "germanynorth", "japanwest",
                 "australiasoutheast", "canadaeast"}
"""https://learn.microsoft.com/azure/reliability/regions-list"""


def check_redundancy(account: Resource) -> None:
    """Raises AzureError for copies that the region cannot have, or not after a failover ("GZRS isn't a post-failover
    option", https://learn.microsoft.com/azure/storage/common/storage-failover-customer-managed-unplanned)."""
    where = primary(account)
    lacks = "has no availability zones" if sku(account).endswith("ZRS") and where in WITHOUT_ZONES else \
        "is where a failover moved it" if sku(account).endswith("ZRS") and where != account.location else \
        "has no paired region" if is_geo_redundant(account) and not PEERS.get(where) else ""
    if lacks:
        raise AzureError("RedundancyConfigurationNotAvailableInRegion", f"{account.name}: {sku(account)} is not "
                         f"available in {where}, which {lacks}. Choose another SKU or region.")


def sku(account: Resource) -> str:
    """"Standard_RAGRS" and so on, as it is now."""
    return (account.outputs.get("sku") or account.inputs.get("sku") or {}).get("name", "")


def is_geo_redundant(account: Resource) -> bool:
    """Whether a second region holds a copy."""
    return sku(account).endswith(("GRS", "GZRS"))


def has_secondary(account: Resource) -> bool:
    """Only the RA SKUs can be read in the second region before a failover."""
    return "_RA" in sku(account)


def primary(account: Resource) -> str:
    """The region where it is written."""
    return account.outputs.get("primaryLocation") or account.location


def peer(account: Resource) -> str:
    """The other region of its pair, where a geo-redundant account's copy is; "" for a region without a pair."""
    return PEERS.get(account.location, "") if primary(account) == account.location else account.location


def after_planned(account: Resource, original: str) -> str:
    """The SKU after a planned failover: back at home the original one, elsewhere zones are lost (table "resulting
    redundancy configuration" of
    https://learn.microsoft.com/azure/storage/common/storage-disaster-recovery-guidance#plan-for-failover)."""
    return original if peer(account) == account.location else sku(account).replace("GZRS", "GRS")


def after_unplanned(account: Resource, original: str) -> str:
    """The SKU after an unplanned failover: geo-redundancy is lost; back at home zones return (same table)."""
    return "Standard_ZRS" if peer(account) == account.location and original.endswith("GZRS") else "Standard_LRS"
