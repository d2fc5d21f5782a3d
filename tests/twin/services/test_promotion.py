"""Read replicas change roles, on real servers, ordered with Azure's own client."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import psycopg
import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.postgresqlflexibleservers.aio import PostgreSQLManagementClient

from tests.twin.services.managing import managed
from twin.cloud.faults import Fault
from twin.services import promotion
from twin.services.postgres import Server

EAST, WEST = (f"Microsoft.DBforPostgreSQL/flexibleServers/psql-{region}" for region in ("eastus", "westus"))
NAMES = {EAST: "psql-eastus", WEST: "psql-westus"}
COMMON = {"authConfig": {"activeDirectoryAuth": "Enabled", "passwordAuth": "Disabled"},
          "sku": {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"}, "storage": {"storageSizeGB": 32}}


@pytest.fixture
async def azure(cloud):
    """The servers' operations of Azure's SDK, at a twin's Resource Manager."""
    async with managed(cloud, PostgreSQLManagementClient) as client:
        yield client


@pytest.fixture
async def pair(cloud, arm, azure):
    """A primary in East US, its replica in West US, endpoints, and what the tests do with them."""
    migrator = await arm.identity("migrator")
    await arm.put("dbforpostgresql:Server", EAST, serverName="psql-eastus", location="eastus", **COMMON)
    await arm.put("dbforpostgresql:AdministratorsMicrosoftEntra", f"{EAST}/administrators/{migrator['principalId']}",
                  principalName="migrator", principalType="ServicePrincipal", objectId=migrator["principalId"])
    await make_replica(arm)
    await arm.put("dbforpostgresql:VirtualEndpoint", f"{EAST}/virtualEndpoints/tracking", endpointType="ReadWrite",
                  members=["psql-westus"])
    east, west = [await Server.of(cloud, cloud.get(arm.id(path))) for path in (EAST, WEST)]
    await east.query("create table noted(id int primary key); grant all on noted to migrator")
    token = await cloud.identities.token(migrator["principalId"], "https://ossrdbms-aad.database.windows.net")
    return SimpleNamespace(cloud=cloud, arm=arm, azure=azure, east=east, west=west, token=token)


async def make_replica(arm, **more):
    return await arm.put("dbforpostgresql:Server", WEST, **{
        "serverName": "psql-westus", "location": "westus", "createMode": "Replica",
        "sourceServerResourceId": arm.id(EAST), **COMMON, **more})


async def promote(pair, path, option, mode="Switchover"):
    """Orders it and waits; returns the seconds it took."""
    began = time.monotonic()
    poller = await pair.azure.servers.begin_update(
        "rg", NAMES[path], {"properties": {"replica": {"promoteMode": mode, "promoteOption": option}}})
    server = await poller.result()
    assert server.properties.replication_role == "Primary", "the operation's result is the new primary"
    return time.monotonic() - began


async def role(pair, path) -> tuple[str, str | None]:
    """(role, replication state) as the SDK reads them."""
    server = await pair.azure.servers.get("rg", NAMES[path])
    return server.properties.replica.role, server.properties.replica.replication_state


def slowness() -> float:
    """How many times slower than a machine of its own this one is, where other work waits for the processors too."""
    return max(1, os.getloadavg()[0] / os.cpu_count())


async def follows(pair, path) -> bool:
    return await role(pair, path) == ("GeoAsyncReplica", "Active")


async def eventually(what, seconds=30.0):
    """The first true answer of an async function that may fail meanwhile."""
    until = time.monotonic() + seconds
    while True:
        with suppress(psycopg.Error):
            if found := await what():
                return found
        assert time.monotonic() < until, f"within {seconds} s"
        await asyncio.sleep(0.05)


async def noted(server) -> set[int]:
    return {row[0] for row in await server.query("select id from noted")}


@asynccontextmanager
async def writing(pair, *servers):
    """A client writes to whichever takes it, with a token; yields what was acknowledged and the longest pause."""
    seen = SimpleNamespace(acknowledged=set(), pause=0.0)

    async def one(server, number):
        async with await psycopg.AsyncConnection.connect(
                host="localhost", port=server.port, user="migrator", password=pair.token, dbname="postgres",
                sslrootcert=str(pair.cloud.tls.ca), sslmode="verify-full", autocommit=True) as connection:
            await connection.execute("insert into noted values (%s)", (number,))

    async def run():
        last, number, turn = time.monotonic(), 1000, 0
        while True:
            number += 1
            try:
                async with asyncio.timeout(1):
                    await one(servers[turn % len(servers)], number)
            except (psycopg.Error, TimeoutError):
                turn += 1
                await asyncio.sleep(0.02)
                continue
            seen.acknowledged.add(number)
            seen.pause, last = max(seen.pause, time.monotonic() - last), time.monotonic()

    task = asyncio.create_task(run())
    yield seen
    task.cancel()


def more(seen):
    """Asks whether more is acknowledged than now."""
    count = len(seen.acknowledged)

    async def found() -> bool:
        return len(seen.acknowledged) > count
    return found


async def test_a_planned_switchover_loses_nothing_and_goes_back(pair):
    for new, old, server in ((WEST, EAST, pair.west), (EAST, WEST, pair.east)):
        slow = slowness()
        async with writing(pair, pair.east, pair.west) as seen:
            await eventually(more(seen))
            await promote(pair, new, "Planned")
            await eventually(more(seen))
        assert seen.pause < 3 * slow, f"no writer for {seen.pause:.1f} s on a machine {slow:.1f} times slower"
        assert seen.acknowledged <= await noted(server), "everything acknowledged is there"
        assert await role(pair, new) == ("Primary", None), "the roles are swapped"
        assert await role(pair, old) == ("GeoAsyncReplica", "Active"), "and the old primary follows"
        listed = [found.name async for found in pair.azure.replicas.list_by_server("rg", NAMES[new])]
        assert listed == [NAMES[old]], "the new primary lists it"
        endpoint = await pair.azure.virtual_endpoints.get("rg", NAMES[new], "tracking")
        assert endpoint.properties.members == [NAMES[old]], "the reader points to the old primary"
        with pytest.raises(HttpResponseError, match="ResourceNotFound"):
            await pair.azure.virtual_endpoints.get("rg", NAMES[old], "tracking")


@pytest.mark.parametrize("fault", [Fault("kill", "eastus"), Fault("freeze", "eastus"),
                                   Fault("partition", "eastus", side="peer"), Fault("kill", "eastus", "database")])
async def test_a_forced_switchover_takes_what_is_there_and_the_stale_primary_is_rebuilt_when_it_returns(
        pair, fault, monkeypatch):
    monkeypatch.setattr(promotion, "STALE_FOR", 3)
    await pair.east.query("insert into noted values (1)")
    await eventually(lambda: noted(pair.west), 5)
    await pair.cloud.chaos.inflict(Fault("partition", "eastus", side="peer"))
    await pair.east.query("insert into noted values (2)")
    await pair.cloud.chaos.inflict(fault)
    with pytest.raises(HttpResponseError, match=r"ServerUnavailableForOperation.*psql-eastus"):
        await promote(pair, WEST, "Planned")
    slow = slowness()
    async with writing(pair, pair.west) as seen:
        took = await promote(pair, WEST, "Forced")
        await eventually(more(seen))  # with the tokens of before
    assert took < 2 * slow, f"a dead primary is not waited for; it took {took:.1f} s"
    assert {1} | seen.acknowledged <= await noted(pair.west), "what is acknowledged stays"
    assert 2 not in await noted(pair.west), "what was not streamed is lost"
    assert await role(pair, EAST) == ("GeoAsyncReplica", "Reconfiguring"), "Azure awaits the region"

    await pair.cloud.chaos.heal()
    await pair.east.query("insert into noted values (3)")
    assert await noted(pair.east) == {1, 2, 3}, "until it is rebuilt it goes on with its old line"
    await eventually(lambda: follows(pair, EAST), 60)
    assert await noted(pair.east) == await noted(pair.west), "then it has what the primary has, and nothing else"
    async with writing(pair, pair.east, pair.west) as seen:
        await promote(pair, EAST, "Planned")
        await eventually(more(seen))
    assert seen.acknowledged <= await noted(pair.east), "and can take over again without loss"


async def test_replication_goes_on_soon_after_a_cut(pair):
    await pair.cloud.chaos.inflict(Fault("partition", "westus", side="peer"))
    await pair.east.query("insert into noted values (1)")
    await asyncio.sleep(6)  # longer than both ends wait for each other
    assert await role(pair, WEST) == ("GeoAsyncReplica", "Catchup"), "a replica that is cut off may yet catch up"
    await pair.cloud.chaos.heal()
    await eventually(lambda: noted(pair.west), 5)
    assert await follows(pair, WEST), "it streams again"


async def test_a_primary_that_dies_while_it_hands_over_stays_the_primary_until_somebody_forces_it(pair, monkeypatch):
    async def killed(name):
        await pair.cloud.chaos.inflict(Fault("kill", "eastus"))

    monkeypatch.setattr(pair.cloud.runner, "stop", killed)
    with pytest.raises(HttpResponseError, match="ServerUnavailableForOperation"):
        await promote(pair, WEST, "Planned")
    monkeypatch.undo()
    assert (await role(pair, EAST))[0] == "Primary", "nothing was decided"
    await promote(pair, WEST, "Forced")
    await pair.west.query("insert into noted values (1)")


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_forced_switchover_of_a_living_primary_demotes_it_at_once(pair, forgotten, monkeypatch):
    if forgotten:  # pg_rewind cannot go back so far
        monkeypatch.setattr(Server, "rewind", lambda *_: pair.east.tool("pg_rewind", "--no-such-option"))
    slow = slowness()
    assert await promote(pair, WEST, "Forced") < 2 * slow, "it does not wait for the rebuild"
    await eventually(lambda: follows(pair, EAST), 60)
    assert (await pair.east.query("select pg_is_in_recovery()"))[0][0], "it takes no writes"


async def test_what_azure_refuses_is_refused_with_its_reason(pair):
    cases = [(EAST, "Switchover", "Planned", "OperationNotAllowed.*not a read replica"),
             (WEST, "Sideways", "Planned", "InvalidParameterValue.*sideways"),
             (WEST, "Switchover", "Perhaps", "InvalidParameterValue.*perhaps")]
    for path, mode, option, error in cases:
        with pytest.raises(HttpResponseError, match=error):
            await promote(pair, path, option, mode)
    await make_replica(pair.arm, sku={"name": "Standard_D4ds_v5", "tier": "GeneralPurpose"})
    with pytest.raises(HttpResponseError, match=r"Standard_D4ds_v5.*Standard_D2ds_v5"):
        await promote(pair, WEST, "Forced")
    await make_replica(pair.arm)
    await pair.cloud.delete(pair.arm.id(f"{EAST}/virtualEndpoints/tracking"))
    with pytest.raises(HttpResponseError, match="reader virtual endpoint"):
        await promote(pair, WEST, "Planned")


async def test_up_and_a_new_daemon_leave_the_roles_as_a_promotion_made_them(pair):
    await promote(pair, WEST, "Planned")
    pids = [pair.cloud.runner.get(server.name).pid for server in (pair.east, pair.west)]
    await make_replica(pair.arm, tags={"a": "b"})
    await pair.arm.put("dbforpostgresql:Server", EAST, serverName="psql-eastus", location="eastus", **COMMON)
    assert pids == [pair.cloud.runner.get(server.name).pid for server in (pair.east, pair.west)], "nothing restarts"
    assert [await role(pair, path) for path in (EAST, WEST)] == [("GeoAsyncReplica", "Active"), ("Primary", None)], \
        "what the program asked for at first is no order to go back"
    for server in (pair.east, pair.west):
        os.kill(pair.cloud.runner.get(server.name).pid, signal.SIGKILL)
        await pair.cloud.runner.stop(server.name)
    await pair.cloud.restore()
    assert not await pair.cloud.settle(), "both are back"
    await pair.west.query("insert into noted values (7)")
    await eventually(lambda: noted(pair.east), 5)
    assert (await pair.east.query("select pg_is_in_recovery()"))[0][0], "in their roles"


async def test_a_promotion_that_was_interrupted_is_completed_by_the_next_daemon(pair):
    for server in (pair.east, pair.west):
        await pair.cloud.runner.stop(server.name)
    pair.east.follow()
    await promotion.swap(pair.cloud, pair.east.resource, pair.west.resource)
    await pair.cloud.restore()
    assert not await pair.cloud.settle(), "both are back"
    await pair.west.query("insert into noted values (9)")
    assert await eventually(lambda: noted(pair.east), 10) == {9}, "the record says who is primary"


async def test_a_replica_that_leaves_the_set_is_a_primary_of_its_own(pair):
    await promote(pair, WEST, "Planned", "Standalone")
    assert [(await role(pair, path))[0] for path in (EAST, WEST)] == ["Primary", "Primary"], "both take writes"
    assert not [found async for found in pair.azure.replicas.list_by_server("rg", "psql-eastus")], "East has no replica"
    assert not await pair.east.query("select 1 from pg_replication_slots"), "nor keeps logs for one"
    endpoint = await pair.azure.virtual_endpoints.get("rg", "psql-eastus", "tracking")
    assert endpoint.properties.members == ["psql-eastus"], "the reader points to the primary"


async def test_a_replica_is_deleted_and_made_again_by_operators(pair):
    west = (await pair.azure.servers.get("rg", "psql-westus")).as_dict()
    await (await pair.azure.servers.begin_delete("rg", "psql-westus")).result()
    with pytest.raises(HttpResponseError, match="ResourceNotFound"):
        await pair.azure.servers.get("rg", "psql-westus")
    wanted = {"location": "westus", "sku": west["sku"], "properties": {
        "createMode": "Replica", "sourceServerResourceId": pair.arm.id(EAST),
        **{key: west["properties"][key] for key in ("authConfig", "storage")}}}
    made = await (await pair.azure.servers.begin_create_or_update("rg", "psql-westus", wanted)).result()
    assert made.properties.replica.replication_state == "Active", "it streams"
    with pytest.raises(HttpResponseError, match=r"OperationNotAllowed.*existing server"):
        await (await pair.azure.servers.begin_create_or_update("rg", "psql-eastus", wanted)).result()


async def test_a_server_is_stopped_started_and_restarted(pair):
    pid = pair.cloud.runner.get(pair.west.name).pid
    await (await pair.azure.servers.begin_restart("rg", "psql-westus")).result()
    assert pair.cloud.runner.get(pair.west.name).pid != pid, "a new process"
    await (await pair.azure.servers.begin_stop("rg", "psql-westus")).result()
    await make_replica(pair.arm)
    assert (await pair.azure.servers.get("rg", "psql-westus")).properties.state == "Stopped", "`up` does not start it"
    assert not pair.west.running(), "it is down"
    await (await pair.azure.servers.begin_start("rg", "psql-westus")).result()
    assert (await pair.azure.servers.get("rg", "psql-westus")).properties.state == "Ready", "it is back"
