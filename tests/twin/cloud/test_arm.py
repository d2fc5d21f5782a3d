"""Azure Resource Manager's surface."""

import asyncio

import pytest

from twin.cloud import arm
from twin.services.base import AzureError, Later, during_outage

MANAGEMENT = "https://management.azure.com"


async def test_a_resource_is_shown_in_arms_shape(client, cloud, bearer, ids):
    await cloud.put(ids.account, "azure-native:storage:StorageAccount", "queues", {
        "location": "East US", "sku": {"name": "Standard_GZRS"}, "tags": {"a": "b"}, "properties": {"x": 1}})
    answer = await client.get(ids.account + "?api-version=2024-01-01", headers=await bearer(MANAGEMENT))
    assert answer.json() == {
        "id": ids.account, "name": "queues", "type": "Microsoft.Storage/storageAccounts", "location": "eastus",
        "sku": {"name": "Standard_GZRS"}, "tags": {"a": "b"},
        "properties": {"x": 1, "provisioningState": "Succeeded"}}, "the envelope beside, the rest in properties"


async def test_a_site_is_restarted(client, app_with_identity, service, bearer, ids):
    answer = await client.post(ids.site + "/restart?api-version=2024-04-01", headers=await bearer(MANAGEMENT))
    assert (answer.status_code, service.calls[-1]) == (200, ("restart", "web-east")), "its service did it"


async def test_what_is_not_covered_is_refused_by_name(client, app_with_identity, bearer, ids):
    for method, path in [("POST", "/slotsswap"), ("PUT", ""), ("DELETE", ""), ("PATCH", "/config/web")]:
        answer = await client.request(method, f"{ids.site}{path}?api-version=1", headers=await bearer(MANAGEMENT))
        assert answer.json()["error"]["code"] == "NotSupportedByTwin", f"{method} {path} must not seem to work"
        assert "Microsoft.Web/sites" in answer.json()["error"]["message"], "the message names what was asked"
    answer = await client.get("/providers/Microsoft.Other", headers=await bearer(MANAGEMENT))
    assert answer.json()["error"]["code"] == "NotSupportedByTwin", "any other path, too"


async def test_reading_needs_a_token_for_management_and_a_version(client, app_with_identity, bearer, ids):
    cases = [({}, "?api-version=1", 401, "AuthenticationFailed"),
             (await bearer("https://storage.azure.com"), "?api-version=1", 401, "InvalidAuthenticationToken"),
             (await bearer(MANAGEMENT, "c-1"), "?api-version=1", 403, "AuthorizationFailed"),
             (await bearer(MANAGEMENT), "", 400, "MissingApiVersionParameter")]
    for headers, query, status, code in cases:
        answer = await client.get(ids.site + query, headers={"Authorization": ""} | headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), "as ARM answers"


async def test_a_missing_resource_is_told_as_arm_does(client, bearer, ids):
    answer = await client.get(ids.account + "?api-version=1", headers=await bearer(MANAGEMENT))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound"), "not found"


@pytest.fixture
def handlers(monkeypatch):
    """Operations that the test adds: {(type, what) in lower case: handler}."""
    added = {}
    monkeypatch.setattr(arm, "load_operations", lambda: added)
    return added


@pytest.fixture
async def account(cloud, ids) -> str:
    """The id of an account in East US."""
    await cloud.put(ids.account, "azure-native:storage:StorageAccount", "queues", {"location": "East US"})
    return ids.account


def kind(what: str) -> tuple[str, str]:
    """The key of an operation on accounts."""
    return "microsoft.storage/storageaccounts", what


async def test_a_long_operation_answers_202_and_is_followed_by_its_urls(handlers, client, bearer, account):
    go = asyncio.Event()

    async def work():
        await go.wait()
        return {"moved": True}

    async def failover(cloud, resource, body, query):
        return Later(work)

    handlers[kind("post failover")] = failover
    headers = await bearer(MANAGEMENT)
    begun = await client.post(account + "/failover?api-version=2024-01-01", headers=headers)
    assert (begun.status_code, begun.headers["retry-after"]) == (202, "1"), "ARM accepts it and says when to ask again"
    status, result = (begun.headers[name].removeprefix("https://localhost:2")
                      for name in ("azure-asyncoperation", "location"))
    assert (await client.get(status, headers=headers)).json()["status"] == "InProgress", "it runs"
    assert (await client.get(result, headers=headers)).status_code == 202, "so there is no result yet"
    go.set()
    await asyncio.sleep(0.01)
    assert (await client.get(status, headers=headers)).json()["status"] == "Succeeded", "it ended well"
    assert (await client.get(result, headers=headers)).json() == {"moved": True}, "with its result"


async def test_a_failed_operation_tells_the_error_at_both_urls(handlers, client, bearer, account):
    async def work():
        raise AzureError("LastSyncTimeTooOld", "no", 409)

    async def failover(cloud, resource, body, query):
        return Later(work)

    handlers[kind("patch")] = failover
    headers = await bearer(MANAGEMENT)
    begun = await client.patch(account + "?api-version=1", json={}, headers=headers)
    await asyncio.sleep(0.01)
    status, result = [await client.get(begun.headers[name].removeprefix("https://localhost:2"), headers=headers)
                      for name in ("azure-asyncoperation", "location")]
    assert (status.status_code, status.json()["status"]) == (200, "Failed"), "reading the status itself works"
    assert status.json()["error"] == {"code": "LastSyncTimeTooOld", "message": "no"}, "the status has the reason"
    assert (result.status_code, result.json()["error"]["code"]) == (409, "LastSyncTimeTooOld"), "the result is it"


async def test_put_makes_delete_ends_and_collections_are_listed(handlers, client, cloud, bearer, account):
    async def put(cloud, resource, body, query):
        await cloud.put(resource.id, "azure-native:storage:StorageAccount", resource.name, body["properties"])
        return {"name": resource.name}

    async def delete(cloud, resource, body, query):
        await cloud.delete(resource.id)

    async def copies(cloud, resource, body, query):
        return {"value": [resource.name]}

    handlers.update({kind("put"): put, kind("delete"): delete, kind("get copies"): copies})
    headers, second = await bearer(MANAGEMENT), account.replace("queues", "second")
    for status in (201, 200):
        answer = await client.put(second + "?api-version=1", json={"properties": {}}, headers=headers)
        assert (answer.status_code, answer.json()["name"]) == (status, "second"), "made, then put again"
    listed = await client.get(account.rpartition("/")[0] + "?api-version=1", headers=headers)
    assert [each["name"] for each in listed.json()["value"]] == ["queues", "second"], "a collection lists its resources"
    assert (await client.get(account + "/copies?api-version=1", headers=headers)).json() == {"value": ["queues"]}, \
        "a child collection may be a handler's own"
    answer = await client.delete(second + "?api-version=1", headers=headers)
    assert (answer.status_code, cloud.get(second)) == (204, None), "it is gone"


async def test_nothing_in_a_region_that_is_down_is_written(handlers, client, cloud, bearer, account, monkeypatch):
    async def touch(cloud, resource, body, query):
        return {"touched": True}

    @during_outage
    async def failover(cloud, resource, body, query):
        return {"moved": True}

    handlers.update({kind("patch"): touch, kind("post failover"): failover})
    monkeypatch.setattr(cloud.faults, "down", lambda region: region == "eastus")
    headers = await bearer(MANAGEMENT)
    refused = await client.patch(account + "?api-version=1", json={}, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ServiceUnavailable"), "no region, no write"
    assert (await client.get(account + "?api-version=1", headers=headers)).status_code == 200, "reading goes on"
    moved = await client.post(account + "/failover?api-version=1", headers=headers)
    assert moved.json() == {"moved": True}, "what is meant for an outage works in one"


async def test_a_body_that_is_no_json_object_is_refused(handlers, client, bearer, account):
    async def touch(cloud, resource, body, query):
        return {}

    handlers[kind("patch")] = touch
    for content in ("{", "[]"):
        answer = await client.patch(account + "?api-version=1", content=content, headers=await bearer(MANAGEMENT))
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent"), "as ARM says"
