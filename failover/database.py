"""PostgreSQL flexible servers: roles, promotion, and rebuilding a replica.

A forced promote works in a regional outage whatever the servers' states; a former primary that cannot be recovered is
to be deleted, and the replica made anew:
https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas-promote
After an outage the former primary returns as a replica by itself:
https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas-geo
"""

import asyncio
import time
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from failover.cloud import Cloud, Id
from failover.errors import NotAsAsked, told
from failover.observation import REPLICAS, Server
from failover.steps import Promote, Rebuild

ROLE = "Contributor"
POLL = 1.0
RETURNS_WITHIN = 600.0
"""Seconds that a former primary gets to come back as a replica by itself before it is made anew."""
RETURNING = ("Catchup", "Provisioning", "Updating", "Reconfiguring")


class Databases:
    """The two servers, through Resource Manager."""

    def __init__(self, cloud: Cloud, patience: float = RETURNS_WITHIN):
        self.cloud, self.patience = cloud, patience

    def id(self, region: str) -> Id:
        return Id(self.cloud.platform.regions[region].postgres_server_id)

    async def look(self, region: str) -> Server:
        """Role "Missing" when there is none.  Raises Denied, NotAsAsked."""
        with told(f"reading PostgreSQL in {region}", self.id(region).text, "Reader"):
            try:
                return shape(await self._get(region))
            except ResourceNotFoundError:
                return Server("Missing")

    async def promote(self, step: Promote) -> str:
        """Returns once Resource Manager shows the server as a Ready primary; one that is it already stays as it is."""
        with told(f"promoting PostgreSQL in {step.region}", self.id(step.region).text, ROLE):
            if shape(await self._get(step.region)).writes:
                return "it was the primary already"
            await self._switch(step)
        found = await self._until(step.region, lambda server: server.writes and server.state == "Ready", step.limit)
        return f"{found.role}, {found.state}"

    async def rebuild(self, step: Rebuild) -> str:
        """Gives the server the time to come back as a replica by itself, then deletes it and makes it anew."""
        server = await self.look(step.region)
        if server.role in REPLICAS and server.replication in RETURNING:
            try:
                await self._until(step.region, lambda now: now.replicates, self.patience)
                return "it came back as a replica by itself"
            except NotAsAsked:
                server = await self.look(step.region)
        if not server.replicates:
            await self._anew(step, exists=server.role != "Missing")
        await self._until(step.region, lambda now: now.replicates and now.state == "Ready", step.limit)
        return f"made anew as a replica of {step.source}"

    async def _switch(self, step: Promote) -> None:
        from azure.mgmt.postgresqlflexibleservers.models import Replica, ServerForPatch, ServerPropertiesForPatch

        client, at = await self.cloud.arm("postgres"), self.id(step.region)
        how = Replica(promote_mode="Switchover", promote_option="Forced" if step.forced else "Planned")
        poller = await client.servers.begin_update(
            at.group, at.name, ServerForPatch(properties=ServerPropertiesForPatch(replica=how)))
        await poller.result()

    async def _anew(self, step: Rebuild, exists: bool) -> None:
        """As the source is: a replica has its source's size, storage and sign-in."""
        client, at, region = await self.cloud.arm("postgres"), self.id(step.region), step.region
        with told(f"rebuilding PostgreSQL in {region}", f"/subscriptions/…/resourceGroups/{at.group}", ROLE):
            source = await self._get(step.source)
            if exists:
                await (await client.servers.begin_delete(at.group, at.name)).result()
            await (await client.servers.begin_create_or_update(
                at.group, at.name, replica_of(source, self.id(step.source).text, region))).result()

    async def _get(self, region: str) -> Any:
        client = await self.cloud.arm("postgres")
        return await client.servers.get(self.id(region).group, self.id(region).name)

    async def _until(self, region: str, good: Any, limit: float) -> Server:
        deadline = time.monotonic() + limit
        while not good(server := await self.look(region)):
            if time.monotonic() > deadline:
                raise NotAsAsked(f"PostgreSQL in {region} is {server.role}, {server.state} {server.replication} after "
                                 f"{limit:.0f} s. Run the same verb again: it goes on from here.")
            await asyncio.sleep(POLL)
        return server


def shape(server: Any) -> Server:
    """What matters of Azure's answer; `replica.role` is the newer name of `replicationRole`."""
    replica = server.replica
    role = (replica.role if replica else None) or server.replication_role or "Primary"
    return Server(str(getattr(role, "value", role)), _text(server.state) or "Ready",
                  _text(replica.replication_state if replica else None))


def replica_of(source: Any, source_id: str, region: str) -> dict[str, Any]:
    """The body of the PUT: https://learn.microsoft.com/rest/api/postgresql/servers/create-or-update ."""
    told_by = source.as_dict()
    kept = told_by.get("properties") or {}
    storage = {key: value for key, value in (kept.get("storage") or {}).items()
               if key in ("storageSizeGB", "autoGrow", "tier", "type")}
    network = {"publicNetworkAccess": (kept.get("network") or {}).get("publicNetworkAccess")}
    properties = {"createMode": "Replica", "sourceServerResourceId": source_id, "storage": storage, "network": network,
                  "authConfig": kept.get("authConfig")}
    return {"location": region, "sku": told_by.get("sku"), "tags": told_by.get("tags") or {},
            "properties": {key: value for key, value in properties.items() if value}}


def _text(value: Any) -> str:
    return str(getattr(value, "value", value) or "")
