"""Permissions follow the service: who operates one can move that one and no other."""

import re

import pytest

from components.roles import BLOBS, only_writing
from tests.components.conftest import primary_platform, run_program
from twin.services.base import Resource
from twin.services.storageroles import condition

WEB, WORKER, BOTH = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in "456")


@pytest.fixture(scope="session")
def shared():
    """A stack of which `web` and `static` have one team, `worker` another, and one operator both."""
    platform = primary_platform()
    web, _, worker, static = platform["services"]
    for service, ids in ((web, (WEB, BOTH)), (static, (WEB,)), (worker, (WORKER, BOTH))):
        service["operators"] = [{"objectId": object_id, "type": "Group"} for object_id in ids]
    platform["services"].append({"name": "maps", "kind": "external", "path": "/maps", "owner": "maps",
                                 "hosts": {"eastus": "e.example.com", "westus": "w.example.com"}})
    return run_program(platform)


def rights(engine, object_id):
    """Duty -> the scopes of a principal's rights, with what a condition allows to be written."""
    found = {}
    for item in engine.of("authorization:RoleAssignment").values():
        if item.name.startswith("operator-") and item.inputs["principalId"] == object_id:
            duty = item.inputs["roleDefinitionId"].removeprefix("/id/role-")
            blob = re.findall(r"StringEquals '([^']+)'", item.inputs.get("condition", ""))
            found.setdefault(duty, set()).add((item.inputs["scope"].removeprefix("/id/"), *blob))
    return found


def test_operators_of_pages_and_files_move_those_and_nothing_else(shared):
    assert rights(shared, WEB) == {
        "states": {(f"blobs-{at}-control", f"{service}.json")
                   for at in ("eastus", "westus") for service in ("web", "static")},
        "apps": {("web-eastus",), ("web-westus",), ("plan-eastus",), ("plan-westus",)},
        "stores": {("static-content",)}, "origins": {("route-static-group",)},
        "waiting": {("/subscriptions/00000000-0000-4000-8000-000000000001",)}}, "neither the worker nor the database"


def test_operators_of_the_worker_move_the_writer(shared):
    found = rights(shared, WORKER)
    assert found["states"] == {(f"blobs-{at}-control", "worker.json") for at in ("eastus", "westus")}, "its own state"
    assert found["stores"] == {("group-eastus",), ("group-westus",)}, "a database that is rebuilt is away for a while"
    assert found["apps"] == {("worker-eastus",), ("worker-westus",)}, "Flex scales by itself, so there is no plan"
    assert "origins" not in found, "its probe obeys its state"


def test_whoever_operates_several_services_has_a_shared_right_once(shared):
    found = [(item.inputs["principalId"], item.inputs["roleDefinitionId"], item.inputs["scope"],
              item.inputs.get("condition")) for item in shared.of("authorization:RoleAssignment").values()]
    assert len(found) == len(set(found)), "Azure refuses a second one: RoleAssignmentExists"
    assert {blob for _, blob in rights(shared, BOTH)["states"]} == {"web.json", "worker.json"}, "of both services"


def test_a_service_without_operators_is_the_deployers(shared):
    states = {blob for _, blob in rights(shared, "00000000-0000-4000-8000-000000000003")["states"]}
    assert states == {"api.json", "maps.json"}, "whoever runs `up` unless configured"
    assert rights(shared, "00000000-0000-4000-8000-000000000003")["origins"] == {("route-maps-group",)}, \
        "hosts of another team know no control state, so their origin is switched"


def test_only_the_right_to_data_has_a_condition_and_it_has_no_plain_action(shared):
    for item in shared.of("authorization:RoleAssignment").values():
        ours = item.inputs["roleDefinitionId"] == "/id/role-states"
        assert ("condition" in item.inputs) == ours, f"{item.name}: conditions bind data actions only"
        assert item.inputs.get("conditionVersion") == ("2.0" if ours else None), f"{item.name}: there is one"
    [allowed] = shared.inputs("authorization:RoleDefinition", "role-states")["permissions"]
    assert not allowed.get("actions"), "an action would be free of every condition"
    assert [action.rsplit("/", 1)[1] for action in allowed["dataActions"]] == ["read", "write"], "no delete"


def test_every_role_has_only_what_failing_over_needs(shared):
    roles = {name: item.inputs for name, item in shared.of("authorization:RoleDefinition").items()}
    actions = {action for role in roles.values() for action in role["permissions"][0].get("actions") or ()}
    assert len(roles) == 5 and len(actions) > 20, "all of them were looked at"
    assert not [action for action in actions if action in ("*", "*/read") or "Authorization" in action], \
        "nobody gives himself more"
    assert not [action for action in actions if re.search(r"listkeys|/config/|storageAccounts/delete", action, re.I)], \
        "neither keys nor secrets nor an end of an account"
    assert [action for action in actions if action.endswith("/delete")] == [
        "Microsoft.DBforPostgreSQL/flexibleServers/delete"], "a primary that came back is made anew as a replica"


def test_roles_are_the_stacks_own(shared, varied):
    for engine in (shared, varied):
        for item in engine.of("authorization:RoleDefinition").values():
            assert item.inputs["roleName"].startswith("tracking primary "), "names are unique in a tenant"
            assert item.inputs["assignableScopes"] == [item.inputs["scope"]], "and useless elsewhere"
    ids = {item.inputs["roleDefinitionId"] for item in shared.of("authorization:RoleDefinition").values()}
    assert len(ids) == 5 and all(re.fullmatch(r"[0-9a-f-]{36}", one) for one in ids), "GUIDs, the same in every run"


def test_the_twins_storage_holds_operators_to_their_own_blob():
    given = {"condition": only_writing("web.json")}
    right = Resource("/x", "azure-native:authorization:RoleAssignment", "x", given, {})
    assert condition(right) == {"path": "web.json", "actions": [f"{BLOBS}/write".lower().removeprefix(
        "microsoft.storage/storageaccounts/")]}, "writing is bound to one blob, reading is free"
