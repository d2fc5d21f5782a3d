"""After a promotion the stack is still true: the real engine, the database's component, a daemon and real servers."""

import socket
import time

import httpx
import pulumi
import pytest
from azure.core.credentials import AccessToken
from azure.mgmt.postgresqlflexibleservers import PostgreSQLManagementClient
from pulumi_azure_native.resources import ResourceGroup

from components.context import make_context
from components.database import Database, DatabaseArgs
from components.identity import make_identity
from components.load import load_platform
from twin import engine
from twin.cloud.client import Daemon
from twin.home import Home, read_json
from twin.services.base import SUBSCRIPTION

STACK = "primary"
MANAGEMENT = "https://management.azure.com"
REGIONS = ("eastus", "westus")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        first = probe.getsockname()[1] % 5000 + 20000
    home = Home(tmp_path_factory.mktemp("twin") / "home", edge_port=first + 1000, first_port=first)
    home.prepare()
    yield home
    Daemon(home).stop()


class Deployer:
    """Whoever runs `pulumi up`, as the twin's identity endpoint knows it."""

    def __init__(self, control: dict):
        self.control = control

    def get_token(self, *_, **__) -> AccessToken:
        answer = httpx.get(self.control["identity_endpoint"],
                           headers={"X-IDENTITY-HEADER": self.control["identity_header"]},
                           params={"api-version": "2019-08-01", "resource": MANAGEMENT})
        return AccessToken(answer.json()["access_token"], int(time.time()) + 3600)


class Story:
    """The database alone, as the program declares it; `primary` is the configuration's."""

    primary = "eastus"

    def __call__(self) -> None:
        platform = load_platform(pulumi.Config()).model_copy(update={"primary": self.primary})
        context = make_context(platform)
        groups = {region: ResourceGroup(f"group-{region}", resource_group_name=context.naming.group(region),
                                        location=region).name for region in REGIONS}
        migrators = {name: make_identity(context, f"migrator-{name}", name, groups[name], pulumi.ResourceOptions())
                     for name in REGIONS}
        database = Database("database", DatabaseArgs(context, groups, migrators))
        for name, server in database.servers.items():
            pulumi.export(name, server.id)


def touched(outcome: engine.Outcome) -> dict[str, str]:
    """{server: operation} of what is not unchanged."""
    return {step["name"]: step["op"] for step in outcome.steps if step["type"].endswith("dbforpostgresql:Server")}


def test_no_end_state_makes_the_engine_replace_delete_or_demote_a_server(home):
    story, daemon = Story(), Daemon(home)
    daemon.start()
    ids = engine.up(home, STACK, program=story).outputs
    control = read_json(home.control, {})
    servers = PostgreSQLManagementClient(
        Deployer(control), SUBSCRIPTION, base_url=control["arm"], connection_verify=control["ca"],
        credential_scopes=[f"{MANAGEMENT}/.default"], polling_interval=0.2).servers

    def places() -> dict[str, str]:
        return {region: servers.get(ids[region].split("/")[4], ids[region].split("/")[-1]).properties.replica.role
                for region in REGIONS}

    for new, old, option, refreshed in (("westus", "eastus", "Planned", False), ("eastus", "westus", "Forced", True)):
        servers.begin_update(ids[new].split("/")[4], ids[new].split("/")[-1], {"properties": {"replica": {
            "promoteMode": "Switchover", "promoteOption": option}}}).result()
        roles = places()
        assert roles[new] == "Primary", "it was promoted"
        if refreshed:
            engine.refresh(home, STACK, program=story)
        for story.primary in (old, new):
            where = f"after {option} to {new}, configured {story.primary}, refreshed: {refreshed}"
            assert not touched(engine.up(home, STACK, program=story)), f"nothing is done to a server {where}"
        assert places() == roles, "the roles stay"
