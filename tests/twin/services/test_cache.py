"""Managed Redis on a real redis-server."""

import pytest
import redis.asyncio

from twin.services.base import AzureError

CLUSTER = "Microsoft.Cache/redisEnterprise/redis-east"
AUDIENCE = "https://redis.azure.com"


async def make(arm, **database) -> dict:
    await arm.put("redisenterprise:RedisEnterprise", CLUSTER, location="eastus", sku={"name": "Balanced_B0"})
    return await arm.put("redisenterprise:Database", f"{CLUSTER}/databases/default", port=10000,
                         **{"clientProtocol": "Encrypted", "clusteringPolicy": "NoCluster",
                            "evictionPolicy": "AllKeysLRU", "accessKeysAuthentication": "Disabled"} | database)


async def assign(arm, identity: dict) -> None:
    await arm.put("redisenterprise:AccessPolicyAssignment", f"{CLUSTER}/databases/default/accessPolicyAssignments/web",
                  accessPolicyName="default", user={"objectId": identity["principalId"]})


def client(cloud, port: int, **options) -> redis.asyncio.Redis:
    return redis.asyncio.Redis(host="localhost", port=port, retry=None,
                               **{"ssl": True, "ssl_ca_certs": str(cloud.tls.ca)} | options)


async def test_an_assigned_identity_signs_in_with_its_token_and_nobody_else(cloud, arm):
    web, other = await arm.identity("web"), await arm.identity("other")
    port = (await make(arm))["port"]
    early = await cloud.identities.token(web["principalId"], AUDIENCE)
    await assign(arm, web)
    async with client(cloud, port, username=web["principalId"], password=early) as mine:
        assert await mine.set("a", 1), "a token minted before the assignment works"
        with pytest.raises(redis.exceptions.NoPermissionError):
            await mine.config_get("*")
    stranger = await cloud.identities.token(other["principalId"], AUDIENCE)
    for options in ({"username": other["principalId"], "password": stranger}, {}):
        async with client(cloud, port, **options) as refused:
            with pytest.raises(redis.exceptions.AuthenticationError):
                await refused.get("a")
    async with client(cloud, port, ssl=False) as plain:
        with pytest.raises(redis.exceptions.ConnectionError):
            await plain.get("a")


async def test_users_outlast_a_restart_and_end_with_their_assignment(cloud, arm):
    web = await arm.identity("web")
    port = (await make(arm))["port"]
    await assign(arm, web)
    token = await cloud.identities.token(web["principalId"], AUDIENCE)
    await cloud.runner.stop("redis-redis-east")
    await cloud.restore()
    async with client(cloud, port, username=web["principalId"], password=token) as mine:
        assert await mine.ping(), "the token is still good"
        await cloud.delete(arm.id(f"{CLUSTER}/databases/default/accessPolicyAssignments/web"))
        with pytest.raises(redis.exceptions.RedisError):
            await mine.set("a", 1)


@pytest.mark.parametrize(("option", "value"), [("clusteringPolicy", "OSSCluster"), ("clientProtocol", "Plaintext"),
                                               ("accessKeysAuthentication", "Enabled")])
async def test_what_one_process_cannot_be_is_refused_by_name(arm, option, value):
    with pytest.raises(AzureError, match=r"default .Microsoft\.Cache"):
        await make(arm, **{option: value})
