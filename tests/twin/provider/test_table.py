"""The committed table is what the pinned SDK gives, and its ids are Azure's."""

import json

import pytest

from twin.provider import derive
from twin.provider.table import resource_type, table


def test_the_table_says_what_the_installed_sdk_says() -> None:
    fresh = json.loads(json.dumps(derive.from_sdk(), sort_keys=True))
    assert derive.stripped(table()) == fresh, "run `python -m twin.provider.derive` after changing the SDK's version"


def test_every_type_has_azures_part() -> None:
    without = [token for token, entry in table()["resources"].items() if "path" not in entry.get("az", {})]
    assert without == [], "run `python -m twin.provider.derive --oracle FOLDER` for new types"


def test_an_id_is_made_and_read_back() -> None:
    queue = resource_type("azure-native:storage:Queue")
    inputs = {"resourceGroupName": "rg", "accountName": "a12", "queueName": "commands"}
    made = queue.arm_id(inputs)
    assert made.endswith("/storageAccounts/a12/queueServices/default/queues/commands"), "Azure's path"
    assert queue.path_inputs(made) == inputs, "an import finds the path's inputs in the id"
    group = resource_type("azure-native:resources:ResourceGroup").arm_id(inputs, "s")
    assert group == "/subscriptions/s/resourceGroups/rg", "a group's id has no provider part"
    with pytest.raises(ValueError, match="must look like"):
        queue.path_inputs("/subscriptions/1")


def test_a_role_assignments_scope_is_the_beginning_of_its_id() -> None:
    role = resource_type("azure-native:authorization:RoleAssignment")
    made = role.arm_id({"scope": "/subscriptions/1/resourceGroups/rg", "roleAssignmentName": "n"})
    assert made == "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Authorization/roleAssignments/n", "one slash"
    assert role.path_inputs(made)["scope"] == "/subscriptions/1/resourceGroups/rg", "the scope may have slashes"
