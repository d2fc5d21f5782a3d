"""Look-ups: who is signed in, one resource by its path, and nothing else."""

import pytest

from twin.provider.control import AzureError
from twin.provider.service import Provider
from twin.provider.table import NotCovered, resource_type

LOOK_UP = "azure-native:dbforpostgresql:getVirtualEndpoint"
PATH = {"resourceGroupName": "rg-west", "serverName": "psql-west", "virtualEndpointName": "psql-endpoint"}


@pytest.fixture
def provider(new_cloud, monkeypatch):
    monkeypatch.setenv("TWIN_HOME", str(new_cloud.home.root))
    return Provider()


def test_a_resource_is_found_by_the_parts_of_its_path(provider, new_cloud):
    there = resource_type("azure-native:dbforpostgresql:VirtualEndpoint").arm_id(PATH)
    new_cloud.stored[there] = {**PATH, "members": ["psql-east"]}
    found = provider.invoke(LOOK_UP, PATH)
    assert (found["id"], found["members"]) == (there, ["psql-east"]), "the id is the one that an import needs"


def test_one_that_is_not_there_is_an_error_that_the_program_can_take_for_an_answer(provider):
    with pytest.raises(AzureError) as error:
        provider.invoke(LOOK_UP, PATH)
    assert error.value.status == 404, "as Azure answers"


def test_a_preview_without_a_control_plane_finds_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TWIN_HOME", str(tmp_path))
    with pytest.raises(AzureError, match="TwinNotRunning"):
        Provider().invoke(LOOK_UP, PATH)


def test_other_look_ups_are_refused_by_name(provider):
    with pytest.raises(NotCovered, match="getVault"):
        provider.invoke("azure-native:keyvault:getVault", {})
    assert provider.invoke("azure-native:authorization:getClientConfig", {})["objectId"], "who is signed in is known"
