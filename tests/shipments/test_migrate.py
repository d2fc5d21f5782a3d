"""Migrations: in order, once, by one migrator at a time, and never changed afterwards."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shipments import migrate
from shipments.migrate import Migration, MigrationChanged
from shipments.settings import Settings
from tests.shipments.conftest import Platform
from tests.shipments.servers import Identity, Postgres

ROLES = ("id-web-eastus", "id-worker-eastus", "id-worker-westus")

CREATE_PRINCIPAL = """
create or replace function pgaadauth_create_principal_with_oid(
    name text, object_id text, object_type text, is_admin boolean, is_mfa boolean) returns text language plpgsql as $$
begin
    execute format('create role %I login password %L', name, 'token-of-the-app');
    return name;
end $$"""


@pytest.fixture
async def empty(platform: Platform) -> AsyncIterator[Settings]:
    """An empty database, its server's administrator as the migrator, and an app's identity without SQL role."""
    async with await platform.connect() as connection:
        await connection.execute(CREATE_PRINCIPAL)
        await connection.execute("create database empty")
    yield replace(
        platform.settings,
        database_name="empty",
        migrator_user="app",
        database_user="id-worker-eastus",
        database_roles={role: f"0-0-0-{number}" for number, role in enumerate(ROLES)},
    )
    async with await platform.connect() as connection:
        await connection.execute("drop database empty with (force)")
        for role in ROLES:
            await connection.execute(f'drop role if exists "{role}"')


async def rows(platform: Platform, statement: str, user: str = "app") -> list[tuple[Any, ...]]:
    connection = await psycopg.AsyncConnection.connect(
        host="localhost",
        port=platform.database.port,
        user=user,
        password="token-of-the-app",
        dbname="empty",
        autocommit=True,
    )
    async with connection:
        return await (await connection.execute(statement)).fetchall()


async def test_an_empty_database_gets_tables_roles_and_grants(empty: Settings, platform: Platform) -> None:
    assert await migrate.run(empty, Identity()), "the server takes writes"
    names = [row[0] for row in await rows(platform, "select name from schema_migrations order by number")]
    assert names == [migration.name for migration in migrate.migrations()], "every migration, in order"
    for role in ROLES:
        assert await rows(platform, "select from outbox", user=role) == [], "every app's role exists and may read"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await rows(platform, "drop table outbox", user=role)
    insert = "insert into outbox (subscriber, payload) values ('s', '{}') returning subscriber"
    for role in ("id-worker-eastus", "id-worker-westus"):
        assert await rows(platform, insert, user=role) == [("s",)], "the workers of both regions write"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(platform, insert, user="id-web-eastus")


async def test_a_peer_without_role_is_noticed_before_the_failover(empty: Settings) -> None:
    alone = {role: number for role, number in empty.database_roles.items() if role != "id-worker-westus"}
    with pytest.raises(ValueError, match="westus"):
        await migrate.run(replace(empty, database_roles=alone), Identity())


async def test_many_migrators_at_once_apply_each_migration_once(empty: Settings, platform: Platform) -> None:
    assert await asyncio.gather(*(migrate.run(empty, Identity()) for _ in range(5))) == [True] * 5, (
        "all of them succeed"
    )
    count = await rows(platform, "select count(*) from schema_migrations")
    assert count == [(len(migrate.migrations()),)], "those that waited found nothing left to do"


async def test_a_migration_of_many_rows_has_minutes(empty: Settings) -> None:
    async with await migrate._connect(empty, empty.database_name, Identity()) as connection:
        limit = await (await connection.execute("show statement_timeout")).fetchone()
    assert limit == ("4min",), "the ten seconds of a request would end it, and begin it again, every minute"


async def test_a_read_only_server_is_left_alone(empty: Settings, platform: Platform) -> None:
    standby = Postgres(platform.home, "standby", replica_of=platform.database).start()
    try:
        assert not await migrate.run(replace(empty, database_host=standby.host), Identity()), (
            "changes come from the writer"
        )
    finally:
        standby.process.stop()


async def test_a_changed_migration_is_refused(prepared: Platform) -> None:
    first, *others = migrate.migrations()
    async with await prepared.connect() as connection:
        with pytest.raises(MigrationChanged, match="0001_commands_and_events was changed after it was applied"):
            await migrate.apply([replace(first, sql=first.sql + "-- changed"), *others], connection)
        assert await migrate.apply([first, *others], connection) == [], "unchanged ones are not applied again"


async def test_a_migration_that_fails_leaves_nothing(prepared: Platform) -> None:
    broken = Migration(99, "broken", "create table half (id int); select 1 / 0;")
    async with await prepared.connect() as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await migrate.apply([broken], connection)
    assert await prepared.rows("select from pg_class where relname = 'half'") == [], (
        "its statements are one transaction"
    )


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    for name in ("0001_first.sql", "0003_third.sql"):
        (tmp_path / name).write_text("select 1")
    with pytest.raises(ValueError, match="without gap"):
        migrate.migrations(tmp_path)
