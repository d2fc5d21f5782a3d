"""Tokens as PostgreSQL passwords: what pgaadauth.sql offers in the server, kept up to date by the service.

https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-azure-ad-authentication
"""

import asyncio
import functools
import logging
import weakref
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from twin.services.base import Cloud
from twin.services.postgres import Server

SERVER = "azure-native:dbforpostgresql:Server"
AUDIENCE = "ossrdbms-aad.database.windows.net"
ROLES = Path(__file__).with_name("pgaadauth.sql")
REPLAY_WITHIN = 2.0
log = logging.getLogger(__name__)
_locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
_hooked: weakref.WeakSet[Cloud] = weakref.WeakSet()


async def provide(server: Server) -> None:
    """Makes the functions where they are missing, and installs the tokens in force; for a primary."""
    if not await server.query("select 1 from pg_namespace where nspname = 'pgaadauth'"):
        await server.query(ROLES.read_text())
    for issued in server.cloud.identities.issued(AUDIENCE):
        await install(server, *issued)


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
            if cloud.faults.down(resource.location) or not server.running():
                continue
            if not (await server.query("select pg_is_in_recovery()"))[0][0]:
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
