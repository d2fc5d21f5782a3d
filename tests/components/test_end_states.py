"""After a failover the stack is still true: the real engine, the real components, read-backs as Azure gives them."""

from typing import Any

import pulumi
import pytest
from pulumi_azure_native.resources import ResourceGroup

from components.context import make_context
from components.edge import Edge, EdgeArgs
from components.load import load_platform
from components.route import RouteArgs, ServiceRoute
from components.service import Kind
from components.storage import Storage, StorageArgs
from components.webapp import make_plan
from tests.components.conftest import _outputs
from tests.twin.provider.conftest import Cloud
from twin import engine
from twin.home import Home

STACK = "primary"
LOST_COPY = {"sku": {"name": "Standard_LRS", "tier": "Standard"}, "location": "westus", "primaryLocation": "westus",
             "secondaryEndpoints": None}
"""What an account says of itself after an unplanned failover, if its location follows."""


class Azure(Cloud):
    """Remembers, gives the outputs that components read, and says of `moved` what operators made of it."""

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.moved: dict[str, dict[str, Any]] = {}
        self.types: dict[str, tuple[str, str]] = {}
        self.put: list[tuple[str, dict[str, Any]]] = []

    def handle(self, method: str, arm_id: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, answer = super().handle(method, arm_id, body)
        if method == "PUT":
            self.types[arm_id] = body["type"], body["urn"].rsplit("::", 1)[-1]
            self.put.append((self.types[arm_id][1], body["inputs"]))
        if status == 200:
            kind, name = self.types[arm_id]
            answer["outputs"] |= _outputs(kind, name, answer["inputs"]) | self.moved.get(name, {})
        return status, answer


class Story:
    """What operators change outside of Pulumi: an account, origins of static content, a plan."""

    primary = "eastus"

    def __call__(self) -> None:
        platform = load_platform(pulumi.Config()).model_copy(update={"primary": self.primary})
        context = make_context(platform)
        group = ResourceGroup("group", resource_group_name=context.naming.group("global"), location="eastus").name
        edge = Edge("edge", EdgeArgs(context, group, "eastus"))
        account = Storage("content", StorageArgs(context, group, "eastus", "s", "Standard_RAGRS"))
        static = next(service for service in platform.services if service.kind == Kind.STATIC)
        hosts = {"eastus": account.blob_host, "westus": account.secondary_blob_host}
        ServiceRoute("static", RouteArgs(edge, static, hosts, self.primary, "/site/health.txt", "site"))
        make_plan(context, platform.regions[1], group, edge)


@pytest.fixture
def azure(tmp_path):
    made = Azure(Home(tmp_path))
    yield made
    made.server.shutdown()


def changed(outcome: engine.Outcome) -> dict[str, str]:
    """{resource: operation} of what is not unchanged."""
    return {step["name"]: step["op"] for step in outcome.steps if step["op"] != "same"}


def test_an_up_after_a_failover_undoes_nothing_of_it(azure):
    story = Story()
    engine.up(azure.home, STACK, program=story)
    azure.moved = {"content": LOST_COPY, "static-eastus": {"enabledState": "Disabled"},
                   "plan-westus": {"sku": {"name": "P0v3", "capacity": 4}}}
    azure.put.clear()
    assert not changed(engine.up(azure.home, STACK, program=story)), "without a refresh nothing is to be done"
    refreshed = changed(engine.refresh(azure.home, STACK, program=story))
    assert set(refreshed) >= {"content", "static-eastus", "plan-westus"}, "the state takes in what operators did"
    assert set(refreshed.values()) == {"update"}, "as it is, nothing is gone"
    assert not changed(engine.up(azure.home, STACK, program=story)), "and the program wants none of it otherwise"
    assert azure.put == [], "nothing at all was sent"
    story.primary = "westus"
    assert changed(engine.up(azure.home, STACK, program=story)) == {
        "static-eastus": "update", "static-westus": "update"}, "after re-protection the priorities follow, nothing else"
    sent = {name: (inputs["priority"], inputs["enabledState"]) for name, inputs in azure.put}
    assert sent == {"static-eastus": (2, "Disabled"), "static-westus": (1, "Enabled")}, "a disabled origin stays so"
    hosts = {inputs["hostName"] for _, inputs in azure.put}
    assert any("-secondary." in host for host in hosts), "the copy keeps its name though there is none at the moment"
