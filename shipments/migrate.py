"""Brings a database up to date: SQL roles of the apps, migrations in order, grants.  Any number may run at once.

A migration that was applied must not change afterwards; its checksum is kept and compared.
"""

import hashlib
import logging
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from azure.core.credentials_async import AsyncTokenCredential
from psycopg import AsyncConnection, sql

from shipments.database import Connection, parameters
from shipments.identity import POSTGRES, managed_identity, password
from shipments.settings import Settings

FOLDER = Path(__file__).parent / "migrations"
LOCK = 7_270_031
"""Advisory lock that one migrator at a time holds."""

PATIENCE = "-c statement_timeout=4min -c lock_timeout=10s"
"""A migration of many rows takes minutes, and must end within the function's five; but what waits for a table's lock
holds up everybody behind it."""

log = logging.getLogger(__name__)


class MigrationChanged(Exception):
    """A migration's file is not what was applied under its number."""


@dataclass(frozen=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """`NNNN_name.sql`, in order; ValueError when a number is missing or twice."""
    found = [Migration(int(path.name[:4]), path.stem[5:], path.read_text())
             for path in sorted(folder.glob("*.sql")) if re.fullmatch(r"\d{4}_\w+\.sql", path.name)]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations in {folder} are not numbered 0001, 0002, … without gap: "
                         f"{[migration.number for migration in found]}")
    return found


async def run(settings: Settings, credential: AsyncTokenCredential | None = None) -> bool:
    """Everything, as the migrator's identity, on the region's own server -> False where that server is read-only."""
    credential = credential or managed_identity(settings.migrator_client_id)
    roles = settings.database_roles or {}
    try:
        async with await _connect(settings, "postgres", credential) as connection:
            if await _read_only(connection):
                return False
            await create_roles(roles, connection)
        async with await _connect(settings, settings.database_name, credential) as connection:
            await become_owner(connection)
            async with alone(connection):  # grants, too: two at once on one table are an error of PostgreSQL's
                await apply(migrations(), connection)
                await grant(roles, writers(settings), connection)
    finally:
        await credential.close()
    return True


@asynccontextmanager
async def alone(connection: Connection) -> AsyncIterator[None]:
    """One migrator at a time in this database; it may be entered again inside itself."""
    await connection.execute("select pg_advisory_lock(%s)", (LOCK,))
    try:
        yield
    finally:
        await connection.execute("select pg_advisory_unlock(%s)", (LOCK,))


async def apply(wanted: list[Migration], connection: Connection) -> list[str]:
    """Applies what is missing, each in a transaction of its own -> their names; raises MigrationChanged."""
    async with alone(connection):
        await connection.execute("create table if not exists schema_migrations (number integer primary key, "
                                 "name text not null, checksum text not null, applied_at timestamptz default now())")
        rows = await (await connection.execute("select number, checksum from schema_migrations")).fetchall()
        applied = dict(rows)
        return [migration.name for migration in wanted if await _apply(migration, applied, connection)]


async def create_roles(roles: Mapping[str, str], connection: Connection) -> None:
    """SQL roles for the apps' identities, by object id, so that a name that was used before does not matter
    (https://learn.microsoft.com/azure/postgresql/flexible-server/security-manage-entra-users)."""
    async with alone(connection):
        rows = await (await connection.execute("select rolname from pg_roles")).fetchall()
        known = {row[0] for row in rows}
        for role, object_id in roles.items():
            if role not in known:
                await connection.execute("select * from pgaadauth_create_principal_with_oid"
                                         "(%s, %s, 'service', false, false)", (role, object_id))
                log.info("SQL role %s created", role)


async def become_owner(connection: Connection) -> None:
    """Tables belong to whoever owns the database (on Azure the administrators' role), so that each region's migrator
    can change what the other one's made."""
    await connection.execute(
        "select set_config('role', rolname, false) from pg_roles join pg_database on datdba = pg_roles.oid "
        "where datname = current_database() and pg_has_role(pg_roles.oid, 'member') and rolname <> current_user")


def writers(settings: Settings) -> set[str]:
    """The worker's SQL roles, its own and the peer region's, whose names differ by the region alone; ValueError when
    one of them is not among the roles, because then nobody could write after a failover."""
    own = settings.database_user
    both = {own, own.replace(settings.region, settings.peer_region)}
    if len(both) < 2 or not both <= set(settings.database_roles or {}):
        raise ValueError(f"DATABASE_ROLES must hold the worker's roles of both regions, {own!r} and the same with "
                         f"{settings.peer_region!r} in it; got {sorted(settings.database_roles or {})}; see naming")
    return both


async def grant(roles: Iterable[str], writing: set[str], connection: Connection) -> None:
    """All apps read, the workers write rows, only the migrator changes tables."""
    for role in roles:
        await connection.execute(sql.SQL("grant usage on schema public to {0}; "
                                         "grant select on all tables in schema public to {0}"
                                         ).format(sql.Identifier(role)))
        if role in writing:
            await connection.execute(sql.SQL("grant insert, update, delete on all tables in schema public to {0}; "
                                             "revoke insert, update, delete on schema_migrations from {0}"
                                             ).format(sql.Identifier(role)))


async def _connect(settings: Settings, name: str, credential: AsyncTokenCredential) -> Connection:
    token = password(credential, POSTGRES)
    values = await parameters([settings.database_host], name, settings.migrator_user, token, writes=True)
    return await AsyncConnection.connect(**{**values, "options": PATIENCE})


async def _apply(migration: Migration, applied: Mapping[int, str], connection: Connection) -> bool:
    known = applied.get(migration.number)
    if known == migration.checksum:
        return False
    if known:
        raise MigrationChanged(f"migration {migration.number:04d}_{migration.name} was changed after it was applied; "
                               "restore its file and write the change as a new migration")
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute("insert into schema_migrations (number, name, checksum) values (%s, %s, %s)",
                                 (migration.number, migration.name, migration.checksum))
    log.info("migration %04d_%s applied", migration.number, migration.name)
    return True


async def _read_only(connection: Connection) -> bool:
    row = await (await connection.execute("select pg_is_in_recovery()")).fetchone()
    return bool(row and row[0])
