"""What the program decides by itself, said aloud in every preview."""

import pulumi

from components.config import Platform


def tell_choices(platform: Platform) -> None:
    """Logs, for people who review a preview, what was not configured and what therefore was chosen."""
    for notice in notices(platform):
        pulumi.log.info(notice)


def notices(platform: Platform) -> list[str]:
    said = []
    for region in platform.regions:
        facts = region.facts
        if region.queue_sku is None:
            why = "zones and a paired region" if facts.gzrs else "no zones"
            said.append(f"{facts.name}: queue account gets {facts.queue_sku}, the best there ({why}).")
        if region.zone_redundant is None and not region.spread:
            why = "the region has no zones" if not facts.zones else "it has one instance"
            said.append(f"{facts.name}: the App Service plan is not spread over zones ({why}).")
        if facts.pair not in [other.location for other in platform.regions]:
            said.append(f"{facts.name}: Azure copies its storage to {facts.pair}, which is not the other region here.")
    first = platform.regions[0]
    if platform.primary != first.location:
        said.append(f"{platform.primary} is primary, while the database was made to be written in {first.location}: "
                    f"right after a failover.  A new stack names {platform.primary} first in regions.")
    if not platform.deployer_addresses:
        said.append("deployerAddresses is empty: deployment endpoints answer any address that has an Entra token.")
    return said
