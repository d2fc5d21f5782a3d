"""What no field can say alone: refused with the limit, the value, the reason and the next act."""

from __future__ import annotations

import ipaddress
import typing
from collections import Counter
from collections.abc import Iterable

from components.regions import REGIONS
from components.service import Kind, Service, Strategy
from shipments.settings import Name

if typing.TYPE_CHECKING:
    from components.config import Platform, Region

DISK_STEPS = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32767)
"""https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-storage"""
RESERVED = ("instances", "migrator", "postgres", "redis", "sites", "vault", "workspace")
"""The migrator's identity, and names among a region's exports."""
PLATFORM_NAMES = ("PEER_", "QUEUES", "BLOBS", "REDIS", "DATABASE", "MIGRATOR", "AZURE_CLIENT", "AzureWebJobs",
                  "APPLICATIONINSIGHTS", "SCM_DO_BUILD", "WEBSITE", "FUNCTIONS_", "ENABLE_ORYX_BUILD")
"""How the names of the platform's own further app settings begin, and of those that Flex refuses:
https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations"""


def refuse(where: str, limit: str, got: object, reason: str, act: str) -> typing.NoReturn:
    raise ValueError(f"{where}: {limit}; got {got!r}, {reason}; {act}")


def check_platform(platform: Platform) -> None:
    """Raises ValueError at the first thing that Azure or the platform would refuse later."""
    for index, region in enumerate(platform.regions):
        _check_region(f"regions[{index}]", region, platform)
    _check_pair(platform)
    _check_database(platform)
    for address in platform.deployer_addresses:
        _check_address(address)
    _check_list(platform)
    _check_alerts(platform)
    for index, service in enumerate(platform.services):
        _check_service(f"services[{index}] ({service.name})", service, platform)


def _check_region(where: str, region: Region, platform: Platform) -> None:
    if region.location not in REGIONS:
        refuse(f"{where}.location", f"one of {', '.join(REGIONS)}", region.location,
               "what the region offers is not known", "add its facts to components/regions.py")
    gzrs = sorted(name for name, facts in REGIONS.items() if facts.gzrs)
    for field, sku in (("queueSku", region.queue_sku), ("blobSku", region.blob_sku)):
        if "GZRS" in (sku or "") and not region.facts.gzrs:
            refuse(f"{where}.{field}", f"GZRS exists in {', '.join(gzrs)}", sku,
                   f"{region.location} has no zones to spread over",
                   f"leave {field} out for the region's best, or choose another region")
    if region.zone_redundant and not region.facts.zones:
        refuse(f"{where}.zoneRedundant", "only in regions with availability zones", True,
               f"{region.location} has none", "leave it out, or choose another region")
    if region.zone_redundant and region.instances < 2:
        refuse(f"{where}.instances", "at least 2 with zoneRedundant", region.instances,
               "one instance is in one zone", "raise instances")
    if region.zone_redundant and region.location == "eastus" and platform.compute.plan_sku.endswith("v4"):
        refuse("compute.planSku", "Premium v3 for zone redundancy in eastus", platform.compute.plan_sku,
               "Premium v4 is not offered with zones there", "choose P0v3 or larger of v3")


def _check_pair(platform: Platform) -> None:
    names = [region.location for region in platform.regions]
    if names[0] == names[1]:
        refuse("regions", "two different regions", names, "one region is no standby for itself",
               f"choose another one, such as {REGIONS[names[0]].pair}")
    if platform.primary not in names:
        refuse("primary", f"one of {', '.join(names)}", platform.primary, "it is not a region of the platform",
               "set primary to one of the regions, or change regions")


def _check_database(platform: Platform) -> None:
    database = platform.database
    if database.tier == "Burstable":
        refuse("database.tier", "GeneralPurpose or MemoryOptimized", database.tier,
               "Burstable servers cannot have the replica that the standby region reads", "set GeneralPurpose")
    if database.storage_gb not in DISK_STEPS:
        refuse("database.storageGb", f"one of {', '.join(map(str, DISK_STEPS))}", database.storage_gb,
               "disks come in these steps", "take the next larger one")
    first = platform.regions[0]
    if database.high_availability == "ZoneRedundant" and not first.facts.zones:
        refuse("database.highAvailability", "Disabled or SameZone", "ZoneRedundant",
               f"{first.location} has no availability zones", "set SameZone, or another first region")


def _check_address(address: str) -> None:
    try:
        ipaddress.ip_network(address)
    except ValueError as error:
        refuse("deployerAddresses", "networks such as 203.0.113.0/24", address, str(error), "correct the address")


def _check_list(platform: Platform) -> None:
    services = platform.services
    _refuse_doubles("name, dashes aside,", (service.name.replace("-", "") for service in services))
    _refuse_doubles("path", (service.path for service in services))
    for kind in (Kind.FUNCTION_APP, Kind.STATIC):
        if len(platform.of_kind(kind)) != 1:
            refuse("services", f"exactly one of kind {kind}", [s.name for s in platform.of_kind(kind)],
                   "its code or files are this repository's own", f"keep one service of kind {kind}")


def _check_alerts(platform: Platform) -> None:
    owners = sorted({platform.owner, *(service.owner for service in platform.services)})
    for owner in platform.alerts:
        if owner not in owners:
            refuse("alerts", f"owners, here {', '.join(owners)}", owner, "nothing is theirs, so nobody would be told",
                   "correct the name, or give them a service")


def _refuse_doubles(what: str, values: Iterable[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            refuse("services", f"every {what} once", value, f"{count} services have it", f"give each its own {what}")


def _check_service(where: str, service: Service, platform: Platform) -> None:
    names = [region.location for region in platform.regions]
    if service.name in RESERVED:
        refuse(f"{where}.name", f"any but {', '.join(RESERVED)}", service.name,
               "the platform names something of its own so", "choose another name")
    if service.primary and service.primary not in names:
        refuse(f"{where}.primary", f"one of {', '.join(names)}", service.primary,
               "it is not a region of the platform", "choose one of them or leave it out")
    if service.kind == Kind.FUNCTION_APP and platform.primary_of(service) != platform.primary:
        refuse(f"{where}.primary", f"the platform's own, {platform.primary}", service.primary,
               "the worker applies commands where the writing database is", "leave it out")
    if service.kind == Kind.FUNCTION_APP and service.strategy == Strategy.ACTIVE_ACTIVE_READS:
        refuse(f"{where}.strategy", "active-passive", service.strategy.value, "a function app has no readers to spread",
               "leave it out")
    if service.probe.successful_samples > service.probe.sample_size:
        refuse(f"{where}.probe.successfulSamples", f"at most sampleSize, {service.probe.sample_size}",
               service.probe.successful_samples, "so many samples are never looked at", "lower it or raise sampleSize")
    if service.kind == Kind.EXTERNAL and set(service.hosts) != set(names):
        refuse(f"{where}.hosts", f"one host for each of {', '.join(names)}", dict(service.hosts),
               "the edge fails over between two origins", "name a host for each region")
    if service.kind != Kind.EXTERNAL and service.hosts:
        refuse(f"{where}.hosts", "only with kind external", dict(service.hosts),
               f"the platform makes the hosts of kind {service.kind} itself", "leave hosts out")
    for setting in {**service.settings, **service.vault_settings}:
        if setting == Name.JOURNAL_WITHOUT:
            refuse(f"{where}.settings", "any but the switches of drills", setting,
                   "a journal without one of its rules loses acknowledged commands", "remove it")
        if setting in set(Name) or setting.startswith(PLATFORM_NAMES):
            refuse(f"{where}.settings", "names that the platform does not set itself", setting,
                   "the platform's own value would be lost", "choose another name")
