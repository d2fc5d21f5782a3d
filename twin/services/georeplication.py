"""Geo-replication: every geo-redundant account is copied to its paired region each `cloud.faults.lag` seconds.

Asynchronous as in Azure, so the copy is behind; a pass is complete or does not count.
https://learn.microsoft.com/azure/storage/common/storage-redundancy#redundancy-in-a-secondary-region
"""

import asyncio
import logging
import time
import weakref
from typing import Any

from twin.services import azurite
from twin.services.base import AzureError, Cloud, Resource
from twin.services.redundancy import after_planned, after_unplanned, has_secondary, is_geo_redundant, peer, primary

log = logging.getLogger(__name__)
LOOK = 0.1
_tasks: weakref.WeakKeyDictionary[Cloud, dict[str, asyncio.Task]] = weakref.WeakKeyDictionary()
_failing: set[str] = set()
"""Accounts whose last pass failed."""


def start(cloud: Cloud, account: Resource) -> None:
    """Begins the passes, the first at once; what went before ends."""
    tasks = _tasks.setdefault(cloud, {})
    if task := tasks.pop(account.id, None):
        task.cancel()
    if is_geo_redundant(account):
        tasks[account.id] = asyncio.create_task(_repeat(cloud, account))


async def stop(cloud: Cloud, account: Resource) -> None:
    """No pass is under way when this returns."""
    if task := _tasks.get(cloud, {}).pop(account.id, None):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    _failing.discard(account.id)


def possible(cloud: Cloud, account: Resource) -> bool:
    """Whether both regions are up and see each other."""
    ends = primary(account), peer(account)
    return not any(map(cloud.faults.down, ends)) and cloud.faults.connected(*ends)


def live(cloud: Cloud, account: Resource) -> bool:
    """Whether replication works: both regions, and the account's processes there."""
    return possible(cloud, account) and account.id not in _failing


async def copy(cloud: Cloud, account: Resource, order: str = "copy") -> None:
    """One pass: all files, then what reads them. AzureError when an end does not answer."""
    await azurite.order(cloud, account, order, to=str(azurite.folder(cloud, account, peer(account))))
    if has_secondary(account) and order == "copy":
        await azurite.order(cloud, account, "load", secondary=True)


async def _repeat(cloud: Cloud, account: Resource) -> None:
    while True:
        began = time.monotonic()
        if possible(cloud, account):
            try:
                await copy(cloud, account)
                _failing.discard(account.id)
            except (AzureError, OSError) as error:
                if account.id not in _failing:
                    log.warning("%s is not replicated: %s", account.name, error)
                _failing.add(account.id)
        while time.monotonic() - began < cloud.faults.lag:
            await asyncio.sleep(LOOK)


def stats(cloud: Cloud, account: Resource, original: str) -> dict[str, Any]:
    """geoReplicationStats; AzureError InvalidAccountType for an account without a second region
    (https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties#georeplicationstats ; the code is in
    https://github.com/ansible-collections/azure/pull/1141)."""
    require_geo_redundant(account)
    at, works = azurite.copied_at(cloud, account), live(cloud, account)
    shown: dict[str, Any] = {
        "status": "Unavailable" if not works else "Live" if at else "Bootstrap",
        "canFailover": at is not None, "canPlannedFailover": at is not None and works,
        "postFailoverRedundancy": after_unplanned(account, original),
        "postPlannedFailoverRedundancy": after_planned(account, original)}
    return shown | ({"lastSyncTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"} if at else {})


def require_geo_redundant(account: Resource) -> None:
    """AzureError when no second region holds a copy."""
    if not is_geo_redundant(account):
        raise AzureError("InvalidAccountType", f"AccountType {account.outputs['sku']['name']} is invalid.")
