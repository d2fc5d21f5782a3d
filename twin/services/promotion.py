"""Read replicas change roles: what Azure does when a replica of a flexible server is promoted.

Switchover swaps the roles; the virtual endpoints follow and the former primary becomes the replica.  It needs both
servers Ready, equal tier and storage, and the replica as the reader's target.  Planned waits until the replica has
everything.  Forced takes what the replica has, and while the primary's region is away it skips every check; the former
primary is then recorded as a replica whose state is Reconfiguring until its region is back and the link starts:
https://learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas-promote
https://learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas#monitor-replication
Standalone cuts the replica loose: https://learn.microsoft.com/azure/postgresql/read-replica/how-to-promote-replica-to-standalone

The record decides who is primary, the data follows it: roles are recorded before PostgreSQL is told, so that whatever
was interrupted is completed by `conform` when the daemon is back.
"""

import asyncio
import logging
import weakref
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from twin.services import pgaadauth
from twin.services.base import AzureError, Cloud, Held, Resource, TwinError
from twin.services.postgres import Server

ENDPOINT = "azure-native:dbforpostgresql:VirtualEndpoint"
CAUGHT_UP_WITHIN = 20.0
"""Seconds that a planned promotion waits for the replica."""
NEARLY = 1 << 20
"""Bytes that may be missing when the primary stops taking writes: they arrive while it shuts down."""
STALE_FOR = 15.0
"""Seconds for which a primary that was away during a forced promotion goes on as it was after it is back, until Azure
makes it a replica: Azure says no time, only that it may last."""
PROMOTE = "select pg_promote(true, 30)"
FORGET = "select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active"
"""On a replica: the slots of its time as a primary would keep its log for ever."""
log = logging.getLogger(__name__)
locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
"""By resource id: who starts or stops a server holds its lock; a forced promotion does not ask for the primary's."""
_following: weakref.WeakKeyDictionary[Cloud, dict[str, asyncio.Task]] = weakref.WeakKeyDictionary()


def is_replica(resource: Resource) -> bool:
    """By the record; what was asked for counts only before there is one."""
    role = resource.outputs.get("replicationRole")
    return role.endswith("Replica") if role else resource.inputs.get("createMode") == "Replica"


def source_id(resource: Resource) -> str:
    """Of a replica; "" for a primary."""
    known = resource.outputs if "replicationRole" in resource.outputs else resource.inputs
    return known.get("sourceServerResourceId") or ""


def as_primary() -> dict[str, Any]:
    """The outputs of a primary."""
    return {"replicationRole": "Primary", "sourceServerResourceId": None, "replicaCapacity": 5,
            "replica": {"role": "Primary", "capacity": 5}}


def as_replica(resource: Resource, source: Resource, state: str = "Active") -> dict[str, Any]:
    """The outputs of a replica; `role` tells whether it is in another region; it has no high availability."""
    role = "AsyncReplica" if resource.location == source.location else "GeoAsyncReplica"
    return {"replicationRole": role, "sourceServerResourceId": source.id, "replicaCapacity": 0,
            "highAvailability": {"mode": "Disabled", "state": "NotEnabled"},
            "replica": {"role": role, "capacity": 0, "replicationState": state}}


async def reachable(cloud: Cloud, resource: Resource, origin: str = "") -> bool:
    """Whether a server answers, and is connected to the region `origin`."""
    faults, where = cloud.faults, resource.location
    if faults.down(where) or (origin and not faults.connected(origin, where)):
        return False
    server = await Server.of(cloud, resource)
    return server.running() and await server.answers()


async def promote(cloud: Cloud, resource: Resource, mode: str, option: str) -> Callable:
    """Checks, and returns the work: mode switchover or standalone, option planned or forced.  AzureError otherwise."""
    primary = cloud.get(source_id(resource))
    if not is_replica(resource) or not primary:
        raise refused(f"Server '{resource.name}' is not a read replica: only a replica can be promoted.")
    alive = await reachable(cloud, primary, resource.location)
    if option == "planned" and not alive:
        raise away(primary)
    if mode == "switchover" and alive:
        check_pair(cloud, primary, resource)
    replica, source = await Server.of(cloud, resource), await Server.of(cloud, primary)
    return {"switchover": lambda: switch_over(replica, source, option == "planned", alive),
            "standalone": lambda: stand_alone(replica, source, option == "planned")}[mode]


def away(primary: Resource) -> AzureError:
    """The refusal of what needs the primary."""
    return refused(f"The source server '{primary.name}' in {primary.location} is not Ready: it does not answer. Wait "
                   "for it, or use the promote option Forced; what was not replicated is lost.",
                   "ServerUnavailableForOperation")


def check_pair(cloud: Cloud, primary: Resource, replica: Resource) -> None:
    """Endpoints and symmetry; not asked for in an outage."""
    if not any(replica.name in endpoint.outputs["members"] for endpoint in endpoints(cloud, primary)):
        raise refused(f"Server '{replica.name}' is not the target of a reader virtual endpoint of '{primary.name}'. "
                      "Create virtual endpoints with the replica as member before a switchover.")
    for what in ("sku.tier", "sku.name", "storage.storageSizeGB"):
        part, key = what.split(".")
        had, has = ((server.inputs.get(part) or {}).get(key) for server in (primary, replica))
        if had != has:
            raise refused(f"Server '{replica.name}' has {what} {has}, its source '{primary.name}' has {had}: a "
                          "switchover needs equal tiers and storage. Scale one of them, or promote to standalone.")


def refused(message: str, code: str = "OperationNotAllowed") -> AzureError:
    """Azure's pages name no codes for refused promotions; for servers that are away, MySQL's
    (https://github.com/turbot/steampipe-plugin-azure/pull/860)."""
    return AzureError(code, message, 409)


async def switch_over(replica: Server, source: Server, planned: bool, alive: bool) -> None:
    """The writer is away from the moment the primary stops until the replica is promoted: 1 to 2 s when planned."""
    cloud, old, new = replica.cloud, source.resource, replica.resource
    async with await replica.connect() as link:
        if planned:
            async with locks[old.id]:
                await hand_over(source, replica, link)
                await swap(cloud, old, new)
        else:
            await swap(cloud, old, new)
        await link.execute(PROMOTE)
    await take_over(replica)
    following = follow(cloud, old, 0 if alive else STALE_FOR)
    if planned:
        await following


async def swap(cloud: Cloud, old: Resource, new: Resource) -> None:
    """The roles in the record."""
    await cloud.save_outputs(new.id, **as_primary())
    await cloud.save_outputs(old.id, **as_replica(old, new, "Reconfiguring"))


async def hand_over(source: Server, replica: Server, link: psycopg.AsyncConnection) -> None:
    """Stops the primary once the replica has nearly everything, and checks that the rest came; starts it again, still
    the primary, when it did not."""
    await until(lambda: behind(source, replica.slot(), NEARLY), CAUGHT_UP_WITHIN, replica)
    await source.query("checkpoint")  # so that the last one, while nobody can write, is short
    await source.cloud.runner.stop(source.name)
    try:
        if not (end := await source.stopped_at()):
            raise away(source.resource)
        await until(lambda: replayed(link, end), CAUGHT_UP_WITHIN / 4, replica)
        source.follow()
    except (AzureError, TwinError, psycopg.Error):
        with suppress(Held):
            await source.start()
        raise


async def until(done: Callable, within: float, replica: Server) -> None:
    """Asks every 50 ms; AzureError when it takes too long."""
    for _ in range(int(within / 0.05)):
        if await done():
            return
        await asyncio.sleep(0.05)
    raise refused(f"Server '{replica.resource.name}' did not receive everything within {within:.0f} s; nothing was "
                  "changed. Wait for its replication lag to fall, then promote it again.")


async def behind(source: Server, slot: str, allowed: int) -> bool:
    """Whether the replica streams and lacks no more than `allowed` bytes."""
    rows = await source.query("select 1 from pg_stat_replication where application_name = %s and state = 'streaming'"
                              " and pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) <= %s", slot, allowed)
    return bool(rows)


async def replayed(link: psycopg.AsyncConnection, end: str) -> bool:
    """Whether a replica went past that record, such as the one of a shut-down."""
    return (await (await link.execute("select pg_last_wal_replay_lsn() > %s::pg_lsn", (end,))).fetchone())[0]


async def take_over(server: Server) -> None:
    """All that a primary needs: no recovery, the log kept for its replicas, their endpoints, the tokens in force."""
    await server.query(f"{PROMOTE} where pg_is_in_recovery()")
    for replica in replicas(server.cloud, server.resource):
        await server.reserve(await Server.of(server.cloud, replica))
        await move_endpoints(server.cloud, replica, server.resource)
    await pgaadauth.provide(server)


def replicas(cloud: Cloud, server: Resource) -> list[Resource]:
    """By the record."""
    return [each for each in cloud.find(pgaadauth.SERVER)
            if is_replica(each) and source_id(each).lower() == server.id.lower()]


async def stand_alone(replica: Server, source: Server, planned: bool) -> None:
    """The replica leaves the set; a reader that pointed to it points to the primary from now on."""
    if planned:
        end = (await source.query("select (pg_current_wal_lsn() - 1)::text"))[0][0]
        async with await replica.connect() as link:
            await until(lambda: replayed(link, end), CAUGHT_UP_WITHIN, replica)
    await replica.cloud.save_outputs(replica.resource.id, **as_primary())
    await take_over(replica)
    for endpoint in endpoints(replica.cloud, source.resource):
        members = [source.resource.name if name == replica.resource.name else name
                   for name in endpoint.outputs["members"]]
        await replica.cloud.save_outputs(endpoint.id, members=members)
    await drop_slot(replica, source)


async def drop_slot(replica: Server, source: Server) -> None:
    """Without complaint when the source is away: its slots keep 2 GB at most."""
    if await reachable(source.cloud, source.resource):
        await source.query(f"{FORGET} and slot_name = %s", replica.slot())


def endpoints(cloud: Cloud, server: Resource) -> list[Resource]:
    """The pairs of virtual endpoints of a primary."""
    return [found for found in cloud.find(ENDPOINT) if found.id.lower().startswith(f"{server.id.lower()}/")]


async def move_endpoints(cloud: Cloud, old: Resource, new: Resource) -> None:
    """They belong to the new primary and answer under its path only; the reader points to the former primary
    (https://learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas-virtual-endpoints,
    https://github.com/hashicorp/terraform-provider-azurerm/issues/27796)."""
    for endpoint in endpoints(cloud, old):
        moved = f"{new.id}/virtualEndpoints/{endpoint.name}"
        await cloud.move(endpoint.id, moved)
        addresses = [server.outputs["fullyQualifiedDomainName"] for server in (new, old)]
        await cloud.save_outputs(moved, members=[old.name], virtualEndpoints=addresses)


async def replication_state(cloud: Cloud, resource: Resource) -> str:
    """Active, Catchup while it does not stream or lags by more than 16 MB, Broken when its source forgot what it
    lacks; as recorded while it is being made, or does not answer."""
    recorded = resource.outputs["replica"]["replicationState"]
    server, primary = await Server.of(cloud, resource), cloud.get(source_id(resource))
    if recorded != "Active" or not await reachable(cloud, resource):
        return recorded
    if await server.query("select 1 from pg_stat_wal_receiver where status = 'streaming' and pg_wal_lsn_diff("
                          "pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) < 16777216"):
        return "Active"
    if not primary or not await reachable(cloud, primary, resource.location):
        return "Catchup"
    kept = "select 1 from pg_replication_slots where slot_name = %s and wal_status <> 'lost'"
    return "Catchup" if await (await Server.of(cloud, primary)).query(kept, server.slot()) else "Broken"


async def conform(server: Server) -> None:
    """Makes a server that runs what it is recorded to be, as after an interruption."""
    resource = server.cloud.get(server.resource.id) or server.resource
    if not is_replica(resource):
        await take_over(server)
    elif server.follows:
        await server.query(FORGET)
    else:
        follow(server.cloud, resource, STALE_FOR)


def follow(cloud: Cloud, resource: Resource, delay: float) -> asyncio.Task:
    """Makes it a replica of its recorded source in the background, `delay` seconds after both can be reached."""
    tasks = _following.setdefault(cloud, {})
    if resource.id not in tasks or tasks[resource.id].done():
        tasks[resource.id] = asyncio.create_task(rebuild(cloud, resource.id, delay))
    return tasks[resource.id]


async def rebuild(cloud: Cloud, id: str, delay: float) -> None:
    """Tries until it streams, or is no longer to be a replica."""
    while (resource := cloud.get(id)) and is_replica(resource):
        try:
            if await ready_to_follow(cloud, resource):
                await asyncio.sleep(delay)
                delay = 0
                async with locks[id]:
                    await follow_now(cloud, resource)
                return
        except (TwinError, AzureError, OSError, psycopg.Error) as error:
            log.warning("%s does not follow yet: %s", resource.name, error)
        await asyncio.sleep(1)


async def ready_to_follow(cloud: Cloud, resource: Resource) -> bool:
    """Both regions are there and connected, and the source takes writes; a server that was stopped for it is ready."""
    source = cloud.get(source_id(resource))
    if not source or not await reachable(cloud, source, resource.location):
        return False
    server = await Server.of(cloud, resource)
    stopped = cloud.runner.get(server.name) is None and not cloud.faults.down(resource.location)
    return (stopped or await reachable(cloud, resource)) and not (await Server.of(cloud, source)).follows


async def follow_now(cloud: Cloud, resource: Resource) -> None:
    """By pg_rewind where the two parted, else by a new copy."""
    server, source = await Server.of(cloud, resource), await Server.of(cloud, cloud.get(source_id(resource)))
    await cloud.runner.stop(server.name)
    try:
        if not server.follows:
            await server.rewind(source)
    except (TwinError, OSError) as error:
        log.warning("%s is copied anew: %s", resource.name, error)
        await server.copy(source)
    await server.start(source)
    await server.query(FORGET)
    await cloud.save_outputs(resource.id, **as_replica(resource, source.resource))
