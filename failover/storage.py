"""Storage accounts: where they are, how far their copies are, and moving them.

https://learn.microsoft.com/azure/storage/common/storage-disaster-recovery-guidance
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import HttpResponseError

from failover.cloud import Cloud, Id
from failover.errors import NotAsAsked, told
from failover.observation import Account, Kind
from failover.steps import GeoRedundant, MoveAccount

ROLE = "Storage Account Contributor"
POLL = 1.0
WITHOUT_STATS = ("InvalidAccountType", "LastSyncTimeUnavailable")
"""What Azure answers when it is asked for the statistics of an account that has none, as after an unplanned failover:
https://github.com/ansible-collections/azure/pull/1141 ."""


class Accounts:
    """The regions' queue and blob accounts and the one of static content, through Resource Manager."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud

    def ids(self, region: str) -> dict[Kind, Id]:
        told_by = self.cloud.platform.regions[region]
        return {"queues": Id(told_by.queue_account_id), "blobs": Id(told_by.blob_account_id)}

    async def look(self, region: str) -> tuple[Account, ...]:
        """Raises Denied, NotAsAsked."""
        found = await asyncio.gather(*(self._look(region, kind) for kind in self.ids(region)))
        return tuple(found)

    async def move(self, step: MoveAccount) -> str:
        """Until the account is written in the other region.  The SDK takes "Planned" for granted unless told otherwise
        (azure.mgmt.storage 25, `begin_failover`), which would wait for a region that is gone."""
        account = await self._look(step.home, step.kind)
        if account.region == step.to:
            return "it was there already"
        client, at = await self.cloud.arm("storage"), self.ids(step.home)[step.kind]
        with told(f"moving {account.name}", at.text, ROLE):
            kind: Any = "Planned" if step.planned else None
            poller = await client.storage_accounts.begin_failover(at.group, at.name, failover_type=kind)
            await poller.result()
        found = await self._until(step.home, step.kind, lambda now: now.region == step.to, step.limit)
        return f"written in {found.region}, {found.sku}"

    async def make_geo_redundant(self, step: GeoRedundant) -> str:
        """Until the copy is live; the first one of much data takes hours."""
        account = await self._look(step.home, step.kind)
        if not account.geo_redundant:
            from azure.mgmt.storage.models import Sku, StorageAccountUpdateParameters

            client, at = await self.cloud.arm("storage"), self.ids(step.home)[step.kind]
            with told(f"making {account.name} {step.sku}", at.text, ROLE):
                await client.storage_accounts.update(at.group, at.name,
                                                     StorageAccountUpdateParameters(sku=Sku(name=step.sku)))
        found = await self._until(step.home, step.kind, lambda now: now.geo_redundant and now.geo_status == "Live",
                                  step.limit)
        return f"{found.sku}, copy {found.geo_status}"

    async def _look(self, region: str, kind: Kind) -> Account:
        at = self.ids(region)[kind]
        client = await self.cloud.arm("storage")
        with told(f"reading {at.name}", at.text, "Reader"):
            read = client.storage_accounts.get_properties
            try:
                account = await read(at.group, at.name, expand="geoReplicationStats")
            except HttpResponseError as error:
                if not error.error or error.error.code not in WITHOUT_STATS:
                    raise
                account = await read(at.group, at.name)
            return shape(account, kind, region)

    async def _until(self, home: str, kind: Kind, good: Callable[[Account], bool], limit: float) -> Account:
        deadline = time.monotonic() + limit
        while not good(account := await self._look(home, kind)):
            if time.monotonic() > deadline:
                raise NotAsAsked(f"{account.name} is {account.sku} in {account.region}, its copy "
                                 f"{account.geo_status or 'none'}, after {limit:.0f} s. Run the same verb again.")
            await asyncio.sleep(POLL)
        return account


def shape(account: Any, kind: Kind, home: str) -> Account:
    """What matters of Azure's answer (https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties).
    """
    stats = account.geo_replication_stats
    return Account(
        account.name, kind, home, str(account.primary_location or home).lower().replace(" ", ""),
        _text(account.sku.name), stats.last_sync_time if stats else None, stats.can_failover if stats else None,
        stats.can_planned_failover if stats else None, _text(stats.status) if stats else "",
        bool(account.failover_in_progress))


def _text(value: Any) -> str:
    return str(getattr(value, "value", value) or "")
