"""The control protocol and the registry behind it."""

import asyncio

from twin.cloud.later import Later
from twin.services.base import TwinError


async def test_a_resource_is_realised_and_read_back_whatever_the_case_of_its_id(client, ids, wanted):
    answer = await client.put("/twin/resources", json=wanted(ids.account, "account", properties={"a": 1}))
    assert answer.json() == {"outputs": {"a": 1, "provisioningState": "Succeeded"}}, "the service's outputs come back"
    read = await client.get("/twin/resources", params={"id": ids.account.upper()})
    assert read.json()["outputs"]["a"] == 1, "ARM ids are compared without case"


async def test_without_the_token_nothing_is_told(client):
    answer = await client.get("/twin/status", headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed"), "the token guards it"


async def test_a_type_outside_the_coverage_is_refused_by_name(client, wanted):
    answer = await client.put("/twin/resources", json=wanted("/subscriptions/s/x/y", "azure-native:batch:Pool"))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (501, "NotSupportedByTwin"), "nothing is pretended"
    assert "azure-native:batch:Pool" in error["message"], "it names the type"


async def test_what_a_service_refuses_keeps_azures_code_and_is_not_recorded(client, cloud, service, ids, wanted):
    service.failing = {"queues"}
    answer = await client.put("/twin/resources", json=wanted(ids.account, "account"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "SkuNotAvailable"), "both go through"
    assert cloud.get(ids.account) is None, "what failed does not exist"


async def test_what_this_machine_cannot_do_is_told_as_a_server_error(client, service, ids, wanted, monkeypatch):
    async def unable(*_):
        raise TwinError("port 18004 for redis is taken by pid 7")
    monkeypatch.setattr(service, "put", unable)
    answer = await client.put("/twin/resources", json=wanted(ids.account, "account"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "InternalServerError"), "in Azure's shape"
    assert "taken by pid 7" in answer.json()["error"]["message"], "with the reason"


async def test_a_failed_update_keeps_what_was(client, cloud, service, ids, wanted):
    await client.put("/twin/resources", json=wanted(ids.account, "account", properties={"a": 1}))
    service.failing = {"queues"}
    await client.put("/twin/resources", json=wanted(ids.account, "account", properties={"a": 2}))
    assert cloud.get(ids.account).outputs["a"] == 1, "the record tells what runs"


async def test_an_update_sees_what_was_before_and_one_change_runs_at_a_time(client, service, ids, wanted):
    body = wanted(ids.account, "account", properties={"a": 1})
    await asyncio.gather(*(client.put("/twin/resources", json=body) for _ in range(5)))
    assert service.calls[0] == ("put", "queues", None), "the first one finds nothing"
    assert {call[2]["a"] for call in service.calls[1:]} == {1}, "the others the outputs of the one before"


async def test_another_resource_of_the_program_cannot_create_what_exists(client, ids, wanted):
    first = wanted(ids.account, "account") | {"urn": "urn:pulumi:p::t::T::queues", "create": True}
    assert (await client.put("/twin/resources", json=first)).status_code == 200, "it is new"
    assert (await client.put("/twin/resources", json=first)).status_code == 200, "a killed `up` may try it again"
    renamed = first | {"urn": "urn:pulumi:p::t::T::messages"}
    refused = await client.put("/twin/resources", json=renamed)
    assert refused.status_code == 409, "deleting the old one afterwards would delete the new one"
    assert "'queues'" in refused.json()["error"]["message"], "it names who has it"
    assert (await client.put("/twin/resources", json=renamed | {"create": False})).status_code == 200, "an alias may"


async def test_a_deleted_resource_is_gone_and_deleting_it_again_is_no_error(client, ids, wanted):
    await client.put("/twin/resources", json=wanted(ids.account, "account"))
    for _ in range(2):
        assert (await client.delete("/twin/resources", params={"id": ids.account})).status_code == 204, "as ARM does"
    answer = await client.get("/twin/resources", params={"id": ids.account})
    assert answer.json()["error"]["code"] == "ResourceNotFound", "reading it says so"


async def test_the_next_daemon_restores_in_order_and_tells_what_failed(cloud, make_cloud, service, ids, wanted):
    for name in ("a", "b"):
        await cloud.put(f"{ids.group}/providers/Microsoft.Storage/storageAccounts/{name}", "azure-native:storage:"
                        "StorageAccount", name, {})
    service.failing = {"a"}
    again = make_cloud()
    await again.restore()
    restored = [name for verb, name, *_ in service.calls if verb == "restore"]
    assert restored == ["a", "b"], "all of them"
    assert list((await again.settle()).values()) == ["Failed: it does not start"], "settle tells what is not well"
    service.failing = set()
    assert await again.settle() == {}, "and tries it again, since the engine would not ask for what did not change"


async def test_saved_outputs_are_merged_and_kept(cloud, make_cloud, ids):
    await cloud.put(ids.account, "azure-native:storage:StorageAccount", "queues", {"properties": {"a": 1}})
    await cloud.save_outputs(ids.account, b=2)
    assert make_cloud().get(ids.account).outputs == {"a": 1, "b": 2, "provisioningState": "Succeeded"}, "durably"


async def test_find_compares_inputs(cloud, ids):
    await cloud.put(ids.account, "azure-native:storage:StorageAccount", "queues", {"kind": "StorageV2"})
    found = cloud.find("azure-native:storage:StorageAccount", kind="StorageV2")
    assert [resource.name for resource in found] == ["queues"], "the one that has it"
    assert cloud.find("azure-native:storage:StorageAccount", kind="Storage") == [], "and no other"


async def test_work_for_later_runs_once_for_many_calls_and_settle_waits_for_it():
    later, runs = Later(delay=0.02), []
    for number in range(5):
        async def work(number=number):
            runs.append(number)
        later("edge", work)
    await later.settled()
    assert runs == [4], "only the newest"


async def test_work_that_fails_is_reported_until_it_succeeds():
    later = Later(delay=0)

    async def fail():
        raise ValueError("no origin")

    async def succeed():
        pass
    later("edge", fail)
    await later.settled()
    assert later.failures == {"edge": "no origin"}, "settle tells it"
    later("edge", succeed)
    await later.settled()
    assert later.failures == {}, "and forgets it once it worked"


async def test_shutdown_is_asked_for_by_the_protocol(client, stop):
    assert (await client.post("/twin/shutdown")).status_code == 202, "accepted"
    assert stop.is_set(), "the daemon ends"


async def test_status_tells_resources_by_region(client, ids, wanted):
    await client.put("/twin/resources", json=wanted(ids.account, "account", location="East US"))
    status = (await client.get("/twin/status")).json()
    assert status["resources"] == {"eastus": {"storage:StorageAccount": 1}}, "under the normalised region"
    assert status["memory_mib"] > 0, "the daemon itself counts"
