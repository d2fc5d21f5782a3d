"""Azure Database for PostgreSQL flexible server: a primary and its read replica, Entra tokens as passwords, TLS only.

https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas
https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-azure-ad-authentication
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from twin.services import pgaadauth, promotion
from twin.services.base import AzureError, Cloud, Handler, Later, Resource
from twin.services.pgaadauth import SERVER
from twin.services.postgres import Server
from twin.services.promotion import (
    as_primary,
    as_replica,
    conform,
    drop_slot,
    is_replica,
    locks,
    replication_state,
    source_id,
)
from twin.services.shapes import ancestor, holder, refuse, shaped, shown, tokens

AZURES_OWN = ("azure.", "pgbouncer.", "metrics.", "logfiles.", "pgms_", "require_secure_transport")
"""Server parameters that only Azure's build has; they are recorded."""
INHERITED = ("version", "storage", "backup", "network", "authConfig", "sku", "tags")
"""What a replica has of its source unless told otherwise
(https://learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas#configuration-management)."""


class Database:
    """Realises servers, databases, parameters and administrators; firewall rules and endpoints are recorded."""

    realised = tokens("dbforpostgresql", "Server", "Database", "Configuration", "AdministratorsMicrosoftEntra")
    recorded = tokens("dbforpostgresql", "FirewallRule", "VirtualEndpoint")

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """A server answers, a replica streams, when this returns; what belongs to one server happens in turn."""
        kind = resource.type.rpartition(":")[2]
        if kind == "FirewallRule":
            return shaped(resource)
        if kind == "VirtualEndpoint":
            return shaped(resource, virtualEndpoints=endpoints(cloud, resource))
        if kind == "Server":
            return await put_server(cloud, resource)
        owner = ancestor(cloud, resource, "flexibleServers")
        make = {"Database": put_database, "Configuration": put_configuration}.get(kind, put_administrator)
        async with locks[owner.id]:
            try:
                return await make(await Server.of(cloud, owner), resource)
            except psycopg.Error as error:
                raise AzureError("InvalidParameterValue", f"{resource.name}: {str(error).strip()}") from error

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """A server's data goes with it; a parameter returns to its default."""
        kind = resource.type.rpartition(":")[2]
        if kind == "Server":
            await delete_server(cloud, resource)
            return
        owner = holder(cloud, resource, "flexibleServers")
        if not owner or not (server := await Server.of(cloud, owner)).running():
            return
        if kind == "Database":
            await server.query(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(resource.name)))
        elif kind == "Configuration" and not resource.name.startswith(AZURES_OWN):
            await server.query(sql.SQL("alter system reset {}").format(sql.Identifier(resource.name)))
            await server.query("select pg_reload_conf()")
        elif kind == "AdministratorsMicrosoftEntra":
            role = sql.Identifier(resource.inputs["principalName"])
            await server.query(sql.SQL("alter role {} nologin nocreaterole nocreatedb").format(role))
            await server.query(sql.SQL("revoke azure_pg_admin from {}").format(role))

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """Only servers have a process."""
        if resource.type == SERVER:
            await put_server(cloud, resource)


async def put_server(cloud: Cloud, resource: Resource) -> dict[str, Any]:
    """Starts the server, made or copied first when it is new."""
    if ((resource.inputs.get("authConfig") or {}).get("passwordAuth") or "Enabled") == "Enabled":
        raise refuse(resource, "password sign-in is not offered; set authConfig.passwordAuth to Disabled and "
                               "authConfig.activeDirectoryAuth to Enabled.")
    server, mode = await Server.of(cloud, resource), resource.inputs.get("createMode") or "Default"
    if mode not in ("Default", "Create", "Replica"):
        raise refuse(resource, f"createMode {mode} is not offered; use Default or Replica.")
    pgaadauth.listen_for_tokens(cloud)
    async with locks[resource.id]:
        known = cloud.get(resource.id) or resource  # roles are as recorded: promotions happen outside the program
        source = await source_of(cloud, known) if is_replica(known) else None
        new = not server.data.exists()
        if new and source:
            if not await promotion.reachable(cloud, source.resource, resource.location):
                raise promotion.away(source.resource)
            await server.copy(source)
        elif new:
            await server.initialise()
        if known.outputs.get("state") != "Stopped":
            await run(server, source, new)
    return shaped(resource, fullyQualifiedDomainName=f"localhost:{server.port}", minorVersion="0",
                  version=resource.inputs.get("version") or "16", **standing(cloud, resource))


def standing(cloud: Cloud, resource: Resource) -> dict[str, Any]:
    """State and role as recorded by now, which may be what a promotion has just made of them."""
    known = cloud.get(resource.id) or resource
    source = cloud.get(source_id(known)) if is_replica(known) else None
    recorded = (known.outputs.get("replica") or {}).get("replicationState") or "Active"
    role = as_replica(resource, source, recorded) if source else as_primary()
    return {"state": known.outputs.get("state") or "Ready"} | role


async def run(server: Server, source: Server | None, new: bool = False) -> None:
    """Starts it in the role that is recorded; one that is new streams, or has its functions, when this returns."""
    await server.start(source)
    await conform(server)
    if source and new:
        await streaming(server)


async def source_of(cloud: Cloud, resource: Resource) -> Server:
    """The server that a replica copies; AzureError when there is none."""
    if source := cloud.get(source_id(resource)):
        return await Server.of(cloud, source)
    raise AzureError("ResourceNotFound", f"{resource.name}: the source server '{source_id(resource)}' was not found. "
                     "Create it first.", 404)


async def streaming(server: Server, within: float = 30.0) -> None:
    """Waits until the replica receives; it goes on trying by itself after that."""
    for _ in range(int(within / 0.1)):
        if await server.query("select 1 from pg_stat_wal_receiver where status = 'streaming'"):
            return
        await asyncio.sleep(0.1)
    raise AzureError("ReplicaNotStreaming", f"{server.resource.name} received nothing from its source for "
                     f"{within:.0f} s; see logs/{server.name}.log.", 500)


async def put_database(server: Server, resource: Resource) -> dict[str, Any]:
    """Made once; owned by azure_pg_admin, the role of all administrators."""
    if not await server.query("select 1 from pg_database where datname = %s", resource.name):
        await server.query(sql.SQL("create database {} owner azure_pg_admin").format(sql.Identifier(resource.name)))
    return shaped(resource)


async def put_configuration(server: Server, resource: Resource) -> dict[str, Any]:
    """ALTER SYSTEM and a reload; a static parameter waits for a restart, as in Azure
    (https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-server-parameters)."""
    pending = False
    if not resource.name.startswith(AZURES_OWN):
        await server.query(sql.SQL("alter system set {} = {}").format(
            sql.Identifier(resource.name), sql.Literal(resource.inputs.get("value"))))
        await server.query("select pg_reload_conf()")
        pending = (await server.query("select pending_restart from pg_settings where name = %s", resource.name))[0][0]
    return shaped(resource, isConfigPendingRestart=pending, source=resource.inputs.get("source") or "user-override")


async def put_administrator(server: Server, resource: Resource) -> dict[str, Any]:
    """A role that may make other roles; its password is whatever token its principal was given last."""
    name, kind = resource.inputs["principalName"], resource.inputs.get("principalType") or "User"
    object_id = resource.inputs.get("objectId") or resource.name
    kind = "service" if kind == "ServicePrincipal" else kind.lower()
    if not await server.query("select 1 from pg_roles where rolname = %s", name):
        await server.query("select pgaadauth_create_principal_with_oid(%s, %s, %s, true, false)", name, object_id, kind)
    await server.query(sql.SQL("alter role {} login createrole createdb").format(sql.Identifier(name)))
    await server.query(sql.SQL("grant azure_pg_admin to {}").format(sql.Identifier(name)))
    return shaped(resource, objectId=object_id)


async def delete_server(cloud: Cloud, resource: Resource) -> None:
    """Stops it and removes its data, and a replica's slot on its source."""
    server = await Server.of(cloud, resource)
    await cloud.runner.stop(server.name)
    if source := cloud.get(source_id(resource)):
        await drop_slot(server, await Server.of(cloud, source))
    await asyncio.to_thread(shutil.rmtree, server.root, ignore_errors=True)


def endpoints(cloud: Cloud, resource: Resource) -> list[str]:
    """The members' own addresses, writer first: names that follow a promotion need a promotion first."""
    names = [ancestor(cloud, resource, "flexibleServers").name, *(resource.inputs.get("members") or [])]
    servers = {server.name: server for server in cloud.find(SERVER)}
    return list(dict.fromkeys(servers[name].outputs["fullyQualifiedDomainName"] for name in names if name in servers))


async def show(cloud: Cloud, resource: Resource, *_: Any) -> dict[str, Any]:
    """GET: a replica with its state of this moment."""
    if is_replica(resource):
        replica = resource.outputs["replica"] | {"replicationState": await replication_state(cloud, resource)}
        resource = replace(resource, outputs=resource.outputs | {"replica": replica})
    return shown(resource)


async def replicas(cloud: Cloud, resource: Resource, *_: Any) -> dict[str, Any]:
    """GET replicas (https://learn.microsoft.com/rest/api/postgresql/replicas/list-by-server)."""
    return {"value": [await show(cloud, each) for each in promotion.replicas(cloud, resource)]}


async def patch(cloud: Cloud, resource: Resource, body: dict[str, Any], query: dict[str, str]) -> Later:
    """PATCH with properties.replica {promoteMode, promoteOption}: a promotion, and nothing else
    (https://learn.microsoft.com/rest/api/postgresql/servers/update)."""
    asked = (body.get("properties") or {}).get("replica") or {}
    mode, option = (str(asked.get(key) or default).lower() for key, default in
                    (("promoteMode", "Standalone"), ("promoteOption", "Planned")))
    if not asked.get("promoteMode"):
        raise refuse(resource, "PATCH only promotes replicas; everything else changes through `pulumi up`.")
    if mode not in ("switchover", "standalone") or option not in ("planned", "forced"):
        raise AzureError("InvalidParameterValue", f"promoteMode is Switchover or Standalone, not {mode}; "
                         f"promoteOption is Planned or Forced, not {option}.")
    work = await promotion.promote(cloud, resource, mode, option)
    return Later(lambda: after(work, cloud, resource.id))


async def put(cloud: Cloud, resource: Resource, body: dict[str, Any], query: dict[str, str]) -> Later:
    """PUT: a server is made, as when a broken replica is deleted and created again."""
    wanted = body.get("properties") or {}
    if wanted.get("createMode") == "Replica" and resource.outputs and not is_replica(resource):
        raise AzureError("OperationNotAllowed", f"Server '{resource.name}' exists: an existing server cannot be made "
                         "into a replica. Delete it first.", 409)
    source = cloud.get(wanted.get("sourceServerResourceId") or "")
    inherited = {key: source.inputs[key] for key in INHERITED if key in source.inputs} if source else {}
    inputs = inherited | resource.inputs | {key: body[key] for key in ("location", "sku", "tags") if key in body}
    inputs |= wanted | {"serverName": resource.name, "resourceGroupName": resource.id.split("/")[4]}
    return Later(lambda: after(lambda: cloud.put(resource.id, SERVER, resource.name, inputs, resource.urn), cloud,
                               resource.id))


async def delete(cloud: Cloud, resource: Resource, body: dict[str, Any], query: dict[str, str]) -> Later:
    """DELETE: with its data."""
    return Later(lambda: cloud.delete(resource.id))


async def after(work: Callable[[], Awaitable[Any]], cloud: Cloud, id: str) -> dict[str, Any]:
    """The server once the work is done."""
    await work()
    return await show(cloud, cloud.get(id))


def power(verb: str) -> Handler:
    """POST start, stop or restart (https://learn.microsoft.com/rest/api/postgresql/servers/restart)."""
    async def work(cloud: Cloud, resource: Resource) -> None:
        server = await Server.of(cloud, resource)
        async with locks[resource.id]:
            if verb != "start":
                await cloud.runner.stop(server.name)
            await cloud.save_outputs(resource.id, state="Stopped" if verb == "stop" else "Ready")
            if verb != "stop":
                await run(server, await source_of(cloud, resource) if is_replica(resource) else None)

    async def handler(cloud: Cloud, resource: Resource, body: dict[str, Any], query: dict[str, str]) -> Later:
        return Later(lambda: work(cloud, resource))
    return handler


SERVICE = Database()
ARM = "Microsoft.DBforPostgreSQL/flexibleServers"
OPERATIONS = {(ARM, "GET"): show, (ARM, "GET replicas"): replicas, (ARM, "PATCH"): patch, (ARM, "PUT"): put,
              (ARM, "DELETE"): delete, **{(ARM, f"POST {verb}"): power(verb) for verb in ("start", "stop", "restart")}}
