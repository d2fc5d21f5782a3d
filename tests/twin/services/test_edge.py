"""The edge before real apps and a real storage account in two regions."""

import asyncio

import pytest

from tests.twin.services.sites import ask, deploy, eventually, make_site
from twin.services.base import AzureError

PROFILE = "Microsoft.Cdn/profiles/afd"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


async def make_profile(arm, **options) -> dict:
    profile = await arm.put("cdn:Profile", PROFILE, location="Global", sku={"name": "Standard_AzureFrontDoor"},
                            originResponseTimeoutSeconds=16, **options)
    endpoint = await arm.put("cdn:AFDEndpoint", f"{PROFILE}/afdEndpoints/portal", enabledState="Enabled")
    return profile | {"url": f"http://{endpoint['hostName']}"}


async def make_service(arm, name: str, hosts: dict[str, int], patterns: list[str], probe="/probe", origin_path=None,
                       cache=None, **group) -> None:
    """`hosts`: host -> priority."""
    above = f"{PROFILE}/originGroups/{name}"
    await arm.put("cdn:AFDOriginGroup", above, loadBalancingSettings={"sampleSize": 2, "successfulSamplesRequired": 1},
                  healthProbeSettings={"probePath": probe, "probeRequestType": "GET", "probeProtocol": "Https",
                                       "probeIntervalInSeconds": 1}, **group)
    for number, (host, priority) in enumerate(hosts.items()):
        await arm.put("cdn:AFDOrigin", f"{above}/origins/{number}", hostName=host, originHostHeader=host,
                      priority=priority, weight=1000, enabledState="Enabled")
    await arm.put("cdn:Route", f"{PROFILE}/afdEndpoints/portal/routes/{name}", originGroup={"id": arm.id(above)},
                  patternsToMatch=patterns, originPath=origin_path, cacheConfiguration=cache)


async def two_regions(arm, cloud, profile: dict, count: int = 2) -> list[str]:
    """The same app in so many places, admitting only this profile; returns their hosts."""
    hosts = []
    for number, region in zip(range(count), ("eastus", "westus", "westus"), strict=False):
        site = await make_site(arm, f"web-{number}", region, ipSecurityRestrictionsDefaultAction="Deny",
                               ipSecurityRestrictions=[{
                                   "action": "Allow", "priority": 1, "tag": "ServiceTag",
                                   "headers": {"x-azure-fdid": [profile["frontDoorId"]]}}])
        await deploy(cloud, f"web-{number}", f"build{number}")
        hosts.append(site["defaultHostName"])
    return hosts


async def build_of(cloud, url: str) -> str:
    return (await ask(cloud, "GET", url)).json()["build"]


async def test_the_longest_pattern_wins_and_paths_and_headers_are_those_of_front_door(cloud, arm):
    profile = await make_profile(arm)
    web, api = await two_regions(arm, cloud, profile)
    await make_service(arm, "web", {web: 1}, ["/*"])
    await make_service(arm, "api", {api: 1}, ["/api", "/api/*"])
    await make_service(arm, "worker", {api: 1}, ["/worker/*"], origin_path="/")
    assert not await cloud.settle(), "the edge takes the routes"
    url = profile["url"]
    page = (await ask(cloud, "GET", f"{url}/shipments?q=1", headers={"X-Azure-FDID": "forged"})).json()
    assert (page["build"], page["path"]) == ("build0", "/shipments?q=1"), "everything else goes to the portal"
    assert page["headers"]["host"] == web, "the origin is sent its own host"
    assert url.endswith(page["headers"]["x-forwarded-host"]), "and told the client's"
    assert page["headers"]["x-azure-fdid"] == profile["frontDoorId"], "the profile's id cannot be forged"
    assert page["headers"]["x-azure-ref"], "every request has a reference"
    for path, seen in (("/api", "/api"), ("/api/events?x=%2F", "/api/events?x=%2F"), ("/API/x", "/API/x"),
                       ("/worker/a%20b/c", "/a%20b/c")):
        answer = (await ask(cloud, "GET", url + path)).json()
        assert (answer["build"], answer["path"]) == ("build1", seen), f"{path} reaches its service as {seen}"
    assert await build_of(cloud, f"{url}/apiary") == "build0", "a pattern ends at a slash"


async def test_the_next_priority_serves_while_the_better_ones_are_unhealthy_and_all_when_none_is_well(cloud, arm):
    profile = await make_profile(arm)
    hosts = await two_regions(arm, cloud, profile, 3)
    await make_service(arm, "web", dict(zip(hosts, (1, 2, 3), strict=True)), ["/*"])
    assert not await cloud.settle(), "the edge takes the origins"
    assert {await build_of(cloud, profile["url"]) for _ in range(4)} == {"build0"}, "priority 1 serves alone"

    def health(number: int, well: bool):
        file = cloud.home.apps / f"web-{number}" / f"build{number}" / "sick"
        file.unlink(missing_ok=True) if well else file.touch()

    for number in (0, 1):
        health(number, False)
        want = f"build{number + 1}"

        async def moved(want: str = want) -> bool:
            return {await build_of(cloud, profile["url"]) for _ in range(3)} == {want}
        await eventually(moved)
    await make_service(arm, "api", {hosts[2]: 1}, ["/api/*"])
    assert not await cloud.settle(), "the edge takes a change meanwhile"
    assert {await build_of(cloud, profile["url"]) for _ in range(6)} == {"build2"}, "a reload forgets no illness"
    health(2, False)

    async def everywhere() -> bool:
        return {await build_of(cloud, profile["url"]) for _ in range(6)} == {"build0", "build1", "build2"}
    await eventually(everywhere)
    health(0, True)

    async def back() -> bool:
        return {await build_of(cloud, profile["url"]) for _ in range(3)} == {"build0"}
    await eventually(back)


async def test_a_changed_route_reloads_without_a_failed_request(cloud, arm):
    profile = await make_profile(arm)
    east, west = await two_regions(arm, cloud, profile)
    await make_service(arm, "web", {east: 1, west: 2}, ["/*"])
    assert not await cloud.settle(), "the edge serves"
    statuses, stop, pid = [], asyncio.Event(), cloud.runner.get("edge").pid

    async def load():
        while not stop.is_set():
            statuses.append((await ask(cloud, "GET", profile["url"])).status_code)
    loading = asyncio.create_task(load())
    await make_service(arm, "api", {west: 1}, ["/api/*"])
    assert not await cloud.settle(), "the edge takes the new route"
    assert await build_of(cloud, f"{profile['url']}/api/x") == "build1", "it serves the new route"
    stop.set()
    await loading
    assert len(statuses) > 5 and set(statuses) == {200}, "no request failed meanwhile"
    assert cloud.runner.get("edge").pid == pid, "it was reloaded, not restarted"


async def test_static_content_is_read_with_the_edges_identity_from_both_ends_of_the_account(cloud, arm):
    edge = await arm.identity("edge")
    profile = await make_profile(arm)
    name = "Microsoft.Storage/storageAccounts/tracks"
    account = await arm.put("storage:StorageAccount", name, location="eastus", sku={"name": "Standard_RAGRS"})
    await arm.put("storage:BlobContainer", f"{name}/blobServices/default/containers/site")
    await arm.put("authorization:RoleAssignment", "Microsoft.Authorization/roleAssignments/1", scope=arm.id(name),
                  principalId=edge["principalId"], roleDefinitionId=f"/roleDefinitions/{BLOB_CONTRIBUTOR}")
    token = await cloud.identities.token(edge["principalId"], "https://storage.azure.com")
    for file in ("health.txt", "help.txt"):
        put = await ask(cloud, "PUT", account["primaryEndpoints"]["blob"] + f"site/{file}", content=b"well", headers={
            "Authorization": f"Bearer {token}", "x-ms-version": "2021-12-02", "x-ms-blob-type": "BlockBlob",
            "x-ms-blob-cache-control": "public, max-age=300"})
        assert put.status_code == 201, "the site's file is there"
    hosts = {account[end]["blob"].split("/")[2]: priority
             for end, priority in (("primaryEndpoints", 1), ("secondaryEndpoints", 2))}
    identity = arm.id("Microsoft.ManagedIdentity/userAssignedIdentities/edge")
    await make_service(arm, "static", hosts, ["/static/*"], probe="/site/health.txt", origin_path="/site/",
                       cache={"queryStringCachingBehavior": "IgnoreQueryString"},
                       authentication={"type": "UserAssignedIdentity", "scope": "https://storage.azure.com/.default",
                                       "userAssignedIdentity": {"id": identity}})
    assert not await cloud.settle(), "the edge takes the account"
    answer = await ask(cloud, "GET", f"{profile['url']}/static/health.txt")
    assert (answer.status_code, answer.text) == (200, "well"), "the edge reads with its own token"
    seen = [(await ask(cloud, "GET", f"{profile['url']}/static/help.txt")).headers["x-cache"] for _ in range(2)]
    assert seen == ["TCP_MISS", "TCP_HIT"], "the second time it comes from the edge's own cache"
    down = next(iter(hosts))
    await cloud.put(arm.id(f"{PROFILE}/originGroups/static/origins/0"), "azure-native:cdn:AFDOrigin", "0",
                    {"hostName": down, "originHostHeader": down, "priority": 1, "enabledState": "Disabled"})
    assert not await cloud.settle(), "the edge leaves the first origin out"

    async def copied() -> bool:
        answer = await ask(cloud, "GET", f"{profile['url']}/static/health.txt?uncached")
        return (answer.status_code, answer.text) == (200, "well")
    assert await eventually(copied), "the secondary serves the same content, once it has it"


async def test_origins_elsewhere_and_a_second_endpoint_are_refused_by_name(arm):
    await make_profile(arm)
    with pytest.raises(AzureError, match=r"www\.example\.com"):
        await make_service(arm, "web", {"www.example.com": 1}, ["/*"])
    with pytest.raises(AzureError, match="one edge port"):
        await arm.put("cdn:AFDEndpoint", f"{PROFILE}/afdEndpoints/second")
