"""Azure Database for PostgreSQL flexible server: a primary and its read replica, Entra tokens as passwords, TLS only.

https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas
https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-azure-ad-authentication
"""

import asyncio
import functools
import logging
import shutil
import weakref
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from twin.services.base import AzureError, Cloud, Resource
from twin.services.postgres import Server
from twin.services.shapes import ancestor, holder, refuse, shaped, tokens

SERVER = "azure-native:dbforpostgresql:Server"
AUDIENCE = "ossrdbms-aad.database.windows.net"
ROLES = Path(__file__).with_name("pgaadauth.sql")
AZURES_OWN = ("azure.", "pgbouncer.", "metrics.", "logfiles.", "pgms_", "require_secure_transport")
"""Server parameters that only Azure's build has; they are recorded."""
REPLAY_WITHIN = 2.0
log = logging.getLogger(__name__)
_locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
_hooked: weakref.WeakSet[Cloud] = weakref.WeakSet()


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
        async with _locks[owner.id]:
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
    listen_for_tokens(cloud)
    async with _locks[resource.id]:
        new = not server.data.exists()
        if new and mode == "Replica":
            await server.copy(await source_of(cloud, resource))
        elif new:
            await server.initialise()
        await server.start()
        if mode == "Replica":
            await streaming(server)
        else:
            if not await server.query("select 1 from pg_namespace where nspname = 'pgaadauth'"):
                await server.query(ROLES.read_text())
            for issued in cloud.identities.issued(AUDIENCE):
                await install(server, *issued)
    return shaped(resource, fullyQualifiedDomainName=f"localhost:{server.port}", state="Ready",
                  replicationRole="AsyncReplica" if mode == "Replica" else "Primary", minorVersion="0",
                  replicaCapacity=0 if mode == "Replica" else 5, version=resource.inputs.get("version") or "16")


async def source_of(cloud: Cloud, resource: Resource) -> Server:
    """The server that a replica copies; AzureError when there is none."""
    source = cloud.get(resource.inputs.get("sourceServerResourceId") or "")
    if not source:
        raise AzureError("ResourceNotFound", f"{resource.name}: the source server "
                         f"'{resource.inputs.get('sourceServerResourceId')}' was not found. Create it first.", 404)
    return await Server.of(cloud, source)


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
    source = cloud.get(resource.inputs.get("sourceServerResourceId") or "")
    if source and (origin := await Server.of(cloud, source)).running():
        await origin.query("select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s",
                           server.slot())
    await asyncio.to_thread(shutil.rmtree, server.root, ignore_errors=True)


def endpoints(cloud: Cloud, resource: Resource) -> list[str]:
    """The members' own addresses, writer first: names that follow a promotion need a promotion first."""
    names = [ancestor(cloud, resource, "flexibleServers").name, *(resource.inputs.get("members") or [])]
    servers = {server.name: server for server in cloud.find(SERVER)}
    return list(dict.fromkeys(servers[name].outputs["fullyQualifiedDomainName"] for name in names if name in servers))


def listen_for_tokens(cloud: Cloud) -> None:
    """Has every fresh token for PostgreSQL installed before it is handed out."""
    if cloud not in _hooked:
        _hooked.add(cloud)
        cloud.identities.on_token(AUDIENCE, functools.partial(install_everywhere, cloud))


async def install_everywhere(cloud: Cloud, principal: str, token: str, expires: float) -> None:
    """On every primary that runs; one that is away gets the tokens in force when it is back."""
    for resource in cloud.find(SERVER):
        server = await Server.of(cloud, resource)
        try:
            if server.running() and not (await server.query("select pg_is_in_recovery()"))[0][0]:
                await install(server, principal, token, expires)
        except psycopg.Error as error:  # its text may quote the password's verifier
            log.warning("no token of %s on %s: %s", principal, resource.name, type(error).__name__)


async def install(server: Server, principal: str, token: str, expires: float) -> None:
    """Makes the token the password of the principal's roles, now and of those made later; waits a moment for
    the replicas, so that the token works there too."""
    async with _locks[f"tokens {server.name}"], await server.connect() as connection:
        verifier = connection.pgconn.encrypt_password(token.encode(), b"", b"scram-sha-256").decode()
        await connection.execute(
            "insert into pgaadauth.credentials values (%s, %s, %s) on conflict (object_id)"
            " do update set verifier = excluded.verifier, expires = excluded.expires",
            (principal, verifier, datetime.fromtimestamp(expires, UTC)))
        await connection.execute("select pgaadauth.install(%s)", (principal,))
        written = (await (await connection.execute("select pg_current_wal_lsn()")).fetchone())[0]
        deadline = asyncio.get_running_loop().time() + REPLAY_WITHIN
        while asyncio.get_running_loop().time() < deadline:
            behind = await connection.execute("select 1 from pg_stat_replication where replay_lsn < %s", (written,))
            if not await behind.fetchone():
                return
            await asyncio.sleep(0.02)


SERVICE = Database()
