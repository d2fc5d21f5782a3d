"""PostgreSQL: two servers that survive a change of roles."""

from itertools import pairwise

import pytest

from components.database import SWITCHED

SERVERS = ("postgres-eastus", "postgres-westus")


def server(engine, name):
    return engine.one("dbforpostgresql:Server", name)


def test_the_primary_is_in_the_primary_region_and_the_other_copies_it(recorded):
    primary, replica = (server(recorded, name).inputs for name in SERVERS)
    assert (primary["createMode"], primary["location"]) == ("Default", "eastus"), "the writer is in East"
    assert (replica["createMode"], replica["location"]) == ("Replica", "westus"), "the reader is in West"
    assert replica["sourceServerResourceId"] == "/id/postgres-eastus", "it copies the primary"
    assert replica["resourceGroupName"].endswith("westus"), "`up` must reach it while East is away"


def test_a_replica_is_as_large_as_its_source(recorded):
    primary, replica = (server(recorded, name).inputs for name in SERVERS)
    for what in ("sku", "storage"):
        assert primary[what] == replica[what], f"Azure refuses a replica with another {what}"
    assert primary["sku"]["tier"] == "GeneralPurpose", "Burstable servers have no replicas"


@pytest.mark.parametrize("name", SERVERS)
def test_a_promotion_outside_pulumi_neither_replaces_nor_deletes_a_server(recorded, name):
    found = server(recorded, name)
    assert set(found.ignored) == set(SWITCHED), "what a promotion changes must not look like a change to make"
    assert {"createMode", "sourceServerResourceId", "replica", "version"} <= set(SWITCHED), "the roles above all"
    assert found.protect, "nothing deletes a server"
    assert found.retained, "not even taking it out of the program"


@pytest.mark.parametrize("name", SERVERS)
def test_passwords_do_not_exist(recorded, name):
    auth = server(recorded, name).inputs["authConfig"]
    assert (auth["activeDirectoryAuth"], auth["passwordAuth"]) == ("Enabled", "Disabled"), "only Entra tokens"
    assert "administratorLoginPassword" not in server(recorded, name).inputs, "so no password is set"


def test_both_migrators_administer_the_primary(recorded):
    found = recorded.of("dbforpostgresql:AdministratorsMicrosoftEntra")
    owners = {item.inputs["objectId"]: item.inputs["principalName"] for item in found.values()}
    assert set(owners) == {"principal-identity-migrator-eastus", "principal-identity-migrator-westus"}, \
        "either region can migrate after a promotion"
    assert all(item.inputs["serverName"].startswith("psql-tracking-eastus") for item in found.values()), \
        "the replica receives them from the primary"
    assert all(name.startswith("id-tracking-migrator") for name in owners.values()), "the SQL role is named like them"


def test_children_are_made_one_after_another(recorded):
    chain = ["postgres-eastus", "firewall-eastus", "database-eastus", "administrator-eastus-eastus",
             "administrator-eastus-westus", "postgres-westus", "firewall-westus", "endpoint"]
    after = {item.name: item.after for item in recorded.resources}
    broken = [(first, then) for first, then in pairwise(chain) if first not in after[then]]
    assert not broken, "a server answers ServerBusy to two changes at a time"


def test_a_new_stacks_virtual_endpoint_is_made_below_the_writer(recorded):
    endpoint = recorded.one("dbforpostgresql:VirtualEndpoint", "endpoint")
    assert endpoint.inputs["serverName"].startswith("psql-tracking-eastus"), "the writer's"
    assert endpoint.inputs["members"][0].startswith("psql-tracking-westus"), "the replica is its reader"
    assert endpoint.inputs["endpointType"] == "ReadWrite", "it is the only type"
    assert not endpoint.imported, "there is none to take over"


@pytest.mark.parametrize("primary_region", ["eastus", "westus"])
@pytest.mark.parametrize("where", ["eastus", "westus"])
def test_the_virtual_endpoint_is_taken_over_wherever_a_promotion_left_it(program, primary, primary_region, where):
    primary["primary"] = primary_region
    endpoint = program(primary, where).one("dbforpostgresql:VirtualEndpoint", "endpoint")
    assert endpoint.inputs["serverName"].startswith(f"psql-tracking-{where}"), "below the server that it is below"
    assert endpoint.inputs["resourceGroupName"].endswith(where), "in that one's group"
    assert endpoint.imported.startswith(f"/id/of/psql-tracking-{where}"), "made again, it would be refused"
    assert endpoint.retained and not endpoint.protect, "its former place in the state is forgotten, not deleted"
    assert endpoint.ignored == ("members",), "who reads was decided by operators"


def test_swapping_the_primary_registers_nothing_else_for_the_database(recorded, western):
    def database(engine):
        return {name: item.inputs for name, item in engine.of("").items() if "dbforpostgresql" in item.type
                and name != "endpoint"}
    assert len(database(recorded)) > 5 and database(recorded) == database(western), \
        "what exists already below the new writer could not be made, and what is below the old one must not go"
