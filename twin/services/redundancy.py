"""Where a storage account's copies are, by its SKU.

https://learn.microsoft.com/azure/storage/common/storage-redundancy
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
    """Raises AzureError for copies that the region cannot have."""
    lacks = "availability zones" if sku(account).endswith("ZRS") and account.location in WITHOUT_ZONES else \
        "a paired region" if is_geo_redundant(account) and not peer(account) else ""
    if lacks:
        raise AzureError("RedundancyConfigurationNotAvailableInRegion", f"{account.name}: {sku(account)} is not "
                         f"available in {account.location}, which has no {lacks}. Choose another SKU or region.")


def sku(account: Resource) -> str:
    """"Standard_RAGRS" and so on."""
    return (account.inputs.get("sku") or {}).get("name", "")


def is_geo_redundant(account: Resource) -> bool:
    """Whether a second region holds a copy."""
    return sku(account).endswith(("GRS", "GZRS"))


def has_secondary(account: Resource) -> bool:
    """Only the RA SKUs can be read in the second region before a failover."""
    return "_RA" in sku(account)


def peer(account: Resource) -> str:
    """The paired region, where a geo-redundant account's second copy is; "" for a region without a pair."""
    return PEERS.get(account.location, "")


def process_name(account: Resource) -> str:
    """Name of the account's process, and of its ports with a suffix."""
    return f"storage-{account.name}"
