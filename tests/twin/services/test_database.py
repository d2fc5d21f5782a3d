"""Flexible servers on real PostgreSQL processes."""

import asyncio
import os

import psutil
import psycopg
import pytest

from twin.services import postgres
from twin.services.base import AzureError, TwinError

EAST, WEST = (f"Microsoft.DBforPostgreSQL/flexibleServers/psql-{region}" for region in ("eastus", "westus"))
AUDIENCE = "https://ossrdbms-aad.database.windows.net"
ENTRA = {"activeDirectoryAuth": "Enabled", "passwordAuth": "Disabled"}


async def make_primary(arm) -> dict:
    return await arm.put("dbforpostgresql:Server", EAST, serverName="psql-eastus", location="eastus", authConfig=ENTRA)


async def make_replica(arm) -> dict:
    return await arm.put("dbforpostgresql:Server", WEST, serverName="psql-westus", location="westus", authConfig=ENTRA,
                         createMode="Replica", sourceServerResourceId=arm.id(EAST))


async def make_administrator(arm, identity: dict) -> None:
    await arm.put("dbforpostgresql:AdministratorsMicrosoftEntra", f"{EAST}/administrators/{identity['principalId']}",
                  principalName=identity["name"], principalType="ServicePrincipal", objectId=identity["principalId"])


async def connect(cloud, host: str, user: str, password: str, database: str = "postgres", sslmode="verify-full"):
    name, _, port = host.partition(":")
    return await psycopg.AsyncConnection.connect(
        host=name, port=port, user=user, password=password, dbname=database, sslmode=sslmode,
        sslrootcert=str(cloud.tls.ca), autocommit=True, connect_timeout=5)


async def test_roles_made_by_the_migrator_sign_in_with_their_tokens_on_both_servers(cloud, arm):
    migrator, web = await arm.identity("migrator"), await arm.identity("web")
    early = await cloud.identities.token(web["principalId"], AUDIENCE)  # before there is any server
    primary = await make_primary(arm)
    await arm.put("dbforpostgresql:Database", f"{EAST}/databases/tracking", charset="UTF8", collation="en_US.utf8")
    await make_administrator(arm, migrator)
    replica = await make_replica(arm)
    assert replica["replicationRole"] == "GeoAsyncReplica", "the replica of another region knows its role"

    host = primary["fullyQualifiedDomainName"]
    token = await cloud.identities.token(migrator["principalId"], AUDIENCE)
    async with await connect(cloud, host, "migrator", token) as connection:
        row = await (await connection.execute(
            "select * from pgaadauth_create_principal_with_oid(%s, %s, 'service', false, false)",
            ("web", web["principalId"]))).fetchone()
        assert row == ("Created role for web",), "the function answers as Azure's does"
    async with await connect(cloud, host, "migrator", token, "tracking") as connection:
        await connection.execute("create table parcels(id int); insert into parcels values (7)")
        await connection.execute("grant select on parcels to web")

    async with await connect(cloud, host, "web", early, "tracking") as connection:
        assert await (await connection.execute("select id from parcels")).fetchone() == (7,), \
            "a token minted before the role existed signs in"
    async with await connect(cloud, host, "web", early) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="administrators"):
            await connection.execute("select pgaadauth_create_principal_with_oid('x', 'y', 'service', true, false)")
    async with await connect(cloud, replica["fullyQualifiedDomainName"], "web", early, "tracking") as connection:
        for _ in range(50):
            rows = await (await connection.execute("select id from parcels")).fetchall()
            if rows:
                break
            await asyncio.sleep(0.1)
        assert rows == [(7,)], "the replica streams the data and the roles"
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("create temporary table t(i int); insert into parcels values (1)")


async def test_only_tls_and_only_the_right_token_open_a_server(cloud, arm):
    migrator = await arm.identity("migrator")
    host = (await make_primary(arm))["fullyQualifiedDomainName"]
    await make_administrator(arm, migrator)
    token = await cloud.identities.token(migrator["principalId"], AUDIENCE)
    with pytest.raises(psycopg.OperationalError, match=r"no encryption|password"):
        await connect(cloud, host, "migrator", token, sslmode="disable")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        await connect(cloud, host, "migrator", token + "x")


async def test_data_parameters_and_process_outlast_a_restart(cloud, arm):
    migrator = await arm.identity("migrator")
    host = (await make_primary(arm))["fullyQualifiedDomainName"]
    await make_administrator(arm, migrator)
    dynamic = await arm.put("dbforpostgresql:Configuration", f"{EAST}/configurations/work_mem", value="8MB")
    static = await arm.put("dbforpostgresql:Configuration", f"{EAST}/configurations/max_connections", value="220")
    assert (dynamic["isConfigPendingRestart"], static["isConfigPendingRestart"]) == (False, True), \
        "a static parameter waits for a restart"
    with pytest.raises(AzureError, match="no_such_setting"):
        await arm.put("dbforpostgresql:Configuration", f"{EAST}/configurations/no_such_setting", value="1")
    await make_replica(arm)
    pid = cloud.runner.get("postgres-psql-eastus").pid
    await make_primary(arm)
    assert cloud.runner.get("postgres-psql-eastus").pid == pid, "putting the same again restarts nothing"
    for region in ("westus", "eastus"):
        await cloud.runner.stop(f"postgres-psql-{region}")
    await cloud.restore()
    assert not await cloud.settle(), "both servers are back"
    token = await cloud.identities.token(migrator["principalId"], AUDIENCE)
    async with await connect(cloud, host, "migrator", token) as connection:
        assert await (await connection.execute("show max_connections")).fetchone() == ("220",), "the restart took it up"


async def test_password_sign_in_and_unknown_modes_are_refused_by_name(arm):
    with pytest.raises(AzureError, match=r"psql-eastus.*password sign-in"):
        await arm.put("dbforpostgresql:Server", EAST, location="eastus", authConfig={"passwordAuth": "Enabled"})
    with pytest.raises(AzureError, match="PointInTimeRestore"):
        await arm.put("dbforpostgresql:Server", EAST, location="eastus", authConfig=ENTRA,
                      createMode="PointInTimeRestore")
    with pytest.raises(AzureError, match="source server"):
        await make_replica(arm)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
async def test_where_root_has_no_user_namespace_an_unprivileged_user_runs_the_servers(cloud, arm, monkeypatch):
    monkeypatch.setattr(postgres, "prefix", lambda: ())
    monkeypatch.setattr(postgres, "account", lambda: "nobody")
    with pytest.raises(TwinError, match=r"nobody cannot enter .*chmod"):
        await make_primary(arm)
    for above in cloud.home.root.parents:
        if above.name.startswith(("pytest-", "test_")):
            above.chmod(0o755)
    await make_primary(arm)
    await make_replica(arm)
    names = {psutil.Process(process.pid).username() for process in cloud.runner.all()
             if process.spec.service == "database"}
    assert names == {"nobody"}, "no server runs as root"
