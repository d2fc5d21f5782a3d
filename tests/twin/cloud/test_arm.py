"""Azure Resource Manager's surface."""

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
