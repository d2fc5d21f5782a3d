"""What may be imported where, and what is made of Azure's answers."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError

from failover import database, storage
from failover.configuration import commands
from failover.control import why_away
from failover.errors import Denied, NotAsAsked, OperatorError, told
from failover.observation import Account, Server
from failover.platform import parse
from failover.settings import Settings
from failover.steps import SwapPrimary
from tests.failover import platforms
from tests.failover.platforms import EAST, WEST

ROOM = Path(__file__).parents[2] / "failover"
FORBIDDEN = {"pulumi", "pulumi_azure_native", "components", "twin", "tools", "tests", "portal", "functions", "bench"}


def test_operators_tools_need_neither_the_program_nor_the_twin_nor_the_apps():
    imported = {(file.name, name.split(".")[0]) for file in ROOM.rglob("*.py")
                for node in ast.walk(ast.parse(file.read_text()))
                for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else
                             [node.module or ""] if isinstance(node, ast.ImportFrom) else [])}
    assert {one for one in imported if one[1] in FORBIDDEN} == set(), "they run on any machine, against any endpoint"


def test_files_stay_small():
    long = {file.name: lines for file in ROOM.glob("*.py") if (lines := len(file.read_text().splitlines())) > 245}
    assert long == {}, "a file is about one thing"


def answer(status: int, code: str) -> HttpResponseError:
    error = HttpResponseError(message="(Code) what Azure says\nmore of it")
    error.status_code, error.error = status, SimpleNamespace(code=code)
    return error


@pytest.mark.parametrize(("error", "kind", "texts"), [
    (answer(403, "AuthorizationFailed"), Denied, ["403", "'Contributor'", "/scope", "`operators`"]),
    (answer(409, "ServerBusy"), NotAsAsked, ["409", "ServerBusy", "what Azure says"]),
    (ClientAuthenticationError(message="no"), Denied, ["az login"]),
    (ServiceRequestError(message="refused"), NotAsAsked, ["no answer", "failover status"]),
])
def test_azures_errors_become_sentences_with_the_next_act(error, kind, texts):
    with pytest.raises(kind) as caught, told("promoting", "/scope", "Contributor"):
        raise error
    assert all(text in str(caught.value) for text in texts), caught.value
    assert "more of it" not in str(caught.value), "only the first line: bodies follow it"


def test_why_a_region_is_away_is_told_in_a_few_words():
    assert why_away(ServiceRequestError("Cannot connect: [Connect call failed (…)]")) == "connection refused"
    assert why_away(TimeoutError("timed out")) == "no answer in time"
    assert why_away(answer(503, "ServerBusy")).startswith("503"), "and a status by its number"


def test_outputs_of_another_program_are_refused_by_what_they_lack():
    lacking = platforms.outputs()
    del lacking["writerService"]
    with pytest.raises(OperatorError, match="writerService"):
        parse(platforms.encoded(lacking))
    with pytest.raises(OperatorError, match="do not tell anything"):
        parse(b"no json")


def test_an_outputs_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OperatorError, match=r"nothing\.json.*pulumi stack output"):
        Settings(tmp_path / "nothing.json").platform()


@pytest.mark.parametrize(("replica", "old", "expected"), [
    (SimpleNamespace(role="AsyncReplica", replication_state="Active"), None, Server("AsyncReplica", "Ready", "Active")),
    (SimpleNamespace(role="Primary", replication_state=None), None, Server("Primary", "Ready", "")),
    (None, "AsyncReplica", Server("AsyncReplica", "Ready", "")),
    (None, None, Server("Primary", "Ready", "")),
])
def test_the_role_of_a_server_is_read_wherever_azure_tells_it(replica, old, expected):
    told_by = SimpleNamespace(replica=replica, replication_role=old, state="Ready")
    assert database.shape(told_by) == expected, "newer answers have it under `replica`"


def test_a_replica_is_made_as_its_source_is():
    source = SimpleNamespace(as_dict=lambda: {
        "sku": {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"}, "tags": {"owner": "x"},
        "properties": {"storage": {"storageSizeGB": 128, "autoGrow": "Enabled", "iops": 500}, "createMode": "Default",
                       "network": {"publicNetworkAccess": "Enabled"}, "authConfig": {"passwordAuth": "Disabled"}}})
    body = database.replica_of(source, "/the/source", WEST)
    assert body["location"] == WEST and body["sku"]["tier"] == "GeneralPurpose", "size and place"
    assert body["properties"] == {
        "createMode": "Replica", "sourceServerResourceId": "/the/source",
        "storage": {"storageSizeGB": 128, "autoGrow": "Enabled"}, "network": {"publicNetworkAccess": "Enabled"},
        "authConfig": {"passwordAuth": "Disabled"}}, "what Azure computes by itself is left to it"


def test_an_account_without_a_copy_says_so():
    told_by = SimpleNamespace(name="q", primary_location="West US", sku=SimpleNamespace(name="Standard_LRS"),
                              geo_replication_stats=None, failover_in_progress=None)
    assert storage.shape(told_by, "queues", EAST) == Account("q", "queues", EAST, WEST, "Standard_LRS"), "salvaged"


def test_the_commands_for_a_stack_name_the_place_in_its_configuration():
    told_by = commands("primary", ["web", "api"], SwapPrimary(WEST, {"api": EAST}))
    assert told_by[:2] == ["pulumi config set -s primary --path 'tracking:platform.primary' westus",
                           "pulumi config set -s primary --path 'tracking:platform.services[1].primary' eastus"]
    assert told_by[-1] == "pulumi up -s primary --refresh", "what failover changed outside of the state is read first"
