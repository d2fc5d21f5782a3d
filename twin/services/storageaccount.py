"""A storage account as Resource Manager sees it: its outputs, its SKU, its failovers.

https://learn.microsoft.com/rest/api/storagerp/storage-accounts ; failovers:
https://learn.microsoft.com/azure/storage/common/storage-disaster-recovery-guidance
"""

import asyncio
import shutil
import weakref
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from twin.home import read_json, write_json
from twin.services import azurite, georeplication
from twin.services.base import AzureError, Cloud, Later, Resource, during_outage
from twin.services.redundancy import (
    after_planned,
    after_unplanned,
    check_redundancy,
    has_secondary,
    is_geo_redundant,
    peer,
    primary,
    sku,
)
from twin.services.shapes import refuse, shaped, shown

TYPE = "Microsoft.Storage/storageAccounts"
BLOB_SERVICE = "azure-native:storage:BlobServiceProperties"
MAY_BE_OLD = timedelta(minutes=30)
_watched: weakref.WeakSet[Cloud] = weakref.WeakSet()
Query = dict[str, str]


async def realise(cloud: Cloud, account: Resource) -> None:
    """Runs what the account's SKU and regions ask for, and nothing else; one end also when a fault holds the other."""
    if cloud not in _watched:
        _watched.add(cloud)
        cloud.faults.on_change(lambda: azurite.write_states(cloud))
    await georeplication.stop(cloud, account)
    other = azurite.start if has_secondary(account) else azurite.stop
    both = azurite.start(cloud, account), other(cloud, account, secondary=True)
    failed = [error for error in await asyncio.gather(*both, return_exceptions=True) if error]
    georeplication.start(cloud, account)
    if failed:
        raise failed[0]


async def stop(cloud: Cloud, account: Resource) -> None:
    """Ends all that runs for it."""
    await georeplication.stop(cloud, account)
    await asyncio.gather(*(azurite.stop(cloud, account, secondary) for secondary in (False, True)))


async def outputs(cloud: Cloud, account: Resource) -> dict[str, Any]:
    """Endpoints as ARM gives them, with this machine's ports
    (https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties)."""
    answer = {"primaryEndpoints": ends(account.name, await azurite.ports(cloud, account)),
              "primaryLocation": primary(account), "statusOfPrimary": "available", "provisioningState": "Succeeded",
              "sku": {"name": sku(account), "tier": sku(account).partition("_")[0]}}
    if is_geo_redundant(account):
        answer |= {"secondaryLocation": peer(account), "statusOfSecondary": "available"}
    if has_secondary(account):
        answer["secondaryEndpoints"] = ends(f"{account.name}-secondary", await azurite.ports(cloud, account, True))
    return shaped(account, **answer)


def ends(name: str, ports: tuple[int, int]) -> dict[str, str]:
    """{"blob": "https://localhost:P/name/", "queue": …}"""
    return {kind: f"https://localhost:{port}/{name}/" for kind, port in zip(("blob", "queue"), ports, strict=True)}


async def read(cloud: Cloud, account: Resource, body: dict[str, Any], query: Query) -> dict[str, Any]:
    """GET; `$expand=geoReplicationStats` adds those. Reading goes on when the region is down."""
    answer = shown(account)
    for status, region in (("statusOfPrimary", primary(account)), ("statusOfSecondary", peer(account))):
        if status in answer["properties"] and cloud.faults.down(region):
            answer["properties"][status] = "unavailable"
    if "georeplicationstats" in query.get("$expand", "").lower():
        answer["properties"]["geoReplicationStats"] = georeplication.stats(cloud, account, original(cloud, account))
    return answer


async def change(cloud: Cloud, account: Resource, body: dict[str, Any], query: Query) -> dict[str, Any]:
    """PATCH of the SKU, which begins or ends geo-replication: Bootstrap, then Live
    (https://learn.microsoft.com/azure/storage/common/redundancy-migration)."""
    name = (body.get("sku") or {}).get("name")
    if not name or body.keys() != {"sku"}:
        raise refuse(account, f"PATCH changes its SKU only; got {sorted(body)}.")
    wanted = replace(account, outputs={**account.outputs, "sku": {"name": name}})
    check_redundancy(wanted)
    if not is_geo_redundant(wanted):
        await stop_copying(cloud, account)
    await realise(cloud, wanted)
    return await read(cloud, await record(cloud, wanted), {}, {})


@during_outage
async def fail_over(cloud: Cloud, account: Resource, body: dict[str, Any], query: Query) -> Later:
    """POST failover, unplanned unless failoverType=Planned
    (https://learn.microsoft.com/rest/api/storagerp/storage-accounts/failover)."""
    kind = query.get("failoverType", "")
    if kind.lower() not in ("", "planned"):
        raise AzureError("InvalidQueryParameterValue", f"failoverType is Planned or absent; got {kind!r}.")
    check_failover(cloud, account, planned=bool(kind))
    return Later(lambda: (planned if kind else unplanned)(cloud, account))


def check_failover(cloud: Cloud, account: Resource, planned: bool) -> None:
    """Raises AzureError for what Azure refuses: LastSyncTimeUnavailable is its code
    (https://github.com/Azure/azure-sdk-for-python/issues/11292); for the others it publishes the reasons alone
    (https://learn.microsoft.com/azure/storage/common/storage-initiate-account-failover#prerequisites)."""
    georeplication.require_geo_redundant(account)
    at = azurite.copied_at(cloud, account)
    if not at:
        raise AzureError("LastSyncTimeUnavailable", f"Last sync time is unavailable for account {account.name}.", 409)
    if cloud.faults.down(peer(account)):
        raise AzureError("SecondaryRegionUnavailable", f"{account.name} cannot fail over to {peer(account)}, which is "
                         "down.", 409)
    if not planned:
        return
    if not georeplication.live(cloud, account):
        raise AzureError("PlannedFailoverNotAvailable", f"{account.name}: a planned failover needs {primary(account)} "
                         f"and {peer(account)}, up and connected. Fail over unplanned, or wait.", 409)
    if (age := datetime.now(UTC) - at) > MAY_BE_OLD:
        raise AzureError("LastSyncTimeTooOld", f"{account.name}: a planned failover needs a Last Sync Time of the last "
                         f"30 minutes; it is {age.total_seconds() / 60:.0f} minutes old. Wait for replication.", 409)
    if features := unsupported(cloud, account):
        raise AzureError("FeatureNotSupportedForFailover", f"{account.name}: planned failover does not work with "
                         f"{' and '.join(features)}. Turn that off first.", 409)


def unsupported(cloud: Cloud, account: Resource) -> list[str]:
    """What keeps it from a planned failover (https://learn.microsoft.com/azure/storage/common/
    storage-disaster-recovery-guidance#unsupported-features-and-services); object replication the twin has not."""
    own = [service.inputs for service in cloud.find(BLOB_SERVICE)
           if service.id.lower().startswith(f"{account.id.lower()}/")]
    return [name for key, name in (("changeFeed", "change feed"), ("restorePolicy", "point-in-time restore"))
            if any((inputs.get(key) or {}).get("enabled") for inputs in own)]


async def planned(cloud: Cloud, account: Resource) -> None:
    """Waits for the writes under way, copies all of it, and swaps the regions: nothing is lost."""
    await georeplication.stop(cloud, account)
    try:
        await georeplication.copy(cloud, account, "close")
    except AzureError:
        await azurite.stop(cloud, account)
        await realise(cloud, account)
        raise
    await move(cloud, account, after_planned(account, original(cloud, account)))


async def unplanned(cloud: Cloud, account: Resource) -> None:
    """The account lives in the second region, by the last complete copy; what the first region held is deleted."""
    await georeplication.stop(cloud, account)
    await move(cloud, account, after_unplanned(account, original(cloud, account)))
    await asyncio.to_thread(shutil.rmtree, azurite.home(cloud, account) / primary(account), ignore_errors=True)


async def move(cloud: Cloud, account: Resource, name: str) -> None:
    """Same names and ports, the other region, the SKU `name`."""
    if primary(account) == account.location:
        write_json(azurite.home(cloud, account) / "original.json", {"sku": sku(account)})
    await stop(cloud, account)
    moved = replace(account, outputs={**account.outputs, "primaryLocation": peer(account), "sku": {"name": name}})
    await record(cloud, moved)
    await realise(cloud, moved)
    await cloud.network.follow()


async def record(cloud: Cloud, account: Resource) -> Resource:
    """Keeps what the account is now; returns it."""
    gone = dict.fromkeys(("secondaryLocation", "statusOfSecondary", "secondaryEndpoints"))
    await cloud.save_outputs(account.id, **gone | await outputs(cloud, replace(account, outputs={
        key: account.outputs[key] for key in ("sku", "primaryLocation")})))
    return cloud.get(account.id) or account


async def stop_copying(cloud: Cloud, account: Resource) -> None:
    """The second region's copy goes with geo-redundancy."""
    await georeplication.stop(cloud, account)
    await azurite.stop(cloud, account, secondary=True)
    await asyncio.to_thread(shutil.rmtree, azurite.home(cloud, account) / peer(account), ignore_errors=True)


def original(cloud: Cloud, account: Resource) -> str:
    """The SKU at home, which Azure keeps among the account's properties."""
    at_home = primary(account) == account.location
    return sku(account) if at_home else read_json(azurite.home(cloud, account) / "original.json", {}).get("sku", "")


OPERATIONS = {(TYPE, "GET"): read, (TYPE, "PATCH"): change, (TYPE, "POST failover"): fail_over}
