"""What each Azure region offers, as far as this platform depends on it.

Every row was compared with these pages in November 2026:
- zones and pairs: https://learn.microsoft.com/azure/reliability/regions-list (as of 2025-09-23)
- GZRS: https://learn.microsoft.com/azure/storage/common/redundancy-regions-gzrs
They do not tell which sizes and services a region has left for a subscription: docs/troubleshooting.md.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class AzureRegion:
    """One region: `short` goes into names that must be brief, `pair` is where GRS storage is copied to."""

    name: str
    short: str
    pair: str
    zones: bool = True
    gzrs: bool = True

    @property
    def queue_sku(self) -> str:
        """The best redundancy for queues; never a read-access one, for queues have no readable secondary
        worth paying for: nothing reads it before a failover."""
        return "Standard_GZRS" if self.gzrs else "Standard_GRS"

    @property
    def host_sku(self) -> str:
        """Redundancy of the function host's own account, which holds nothing that another region needs."""
        return "Standard_ZRS" if self.zones else "Standard_LRS"


def _without_zones(name: str, short: str, pair: str) -> AzureRegion:
    return AzureRegion(name, short, pair, zones=False, gzrs=False)


REGIONS = {region.name: region for region in (
    AzureRegion("eastus", "eus", "westus"),
    _without_zones("westus", "wus", "eastus"),
    AzureRegion("eastus2", "eus2", "centralus"),
    AzureRegion("centralus", "cus", "eastus2"),
    AzureRegion("westus2", "wus2", "westcentralus"),
    AzureRegion("westus3", "wus3", "eastus"),
    AzureRegion("southcentralus", "scus", "northcentralus"),
    _without_zones("northcentralus", "ncus", "southcentralus"),
    AzureRegion("canadacentral", "cac", "canadaeast"),
    _without_zones("canadaeast", "cae", "canadacentral"),
    AzureRegion("northeurope", "neu", "westeurope"),
    AzureRegion("westeurope", "weu", "northeurope"),
    AzureRegion("uksouth", "uks", "ukwest"),
    _without_zones("ukwest", "ukw", "uksouth"),
    AzureRegion("francecentral", "frc", "francesouth"),
    AzureRegion("germanywestcentral", "gwc", "germanynorth"),
    AzureRegion("japaneast", "jpe", "japanwest"),
    AzureRegion("eastasia", "eas", "southeastasia"),
    AzureRegion("southeastasia", "sea", "eastasia"),
    AzureRegion("australiaeast", "aue", "australiasoutheast"),
    _without_zones("australiasoutheast", "ause", "australiaeast"),
)}
"""The regions that the platform knows.  A new one is a line here, with its facts looked up."""
