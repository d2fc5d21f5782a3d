"""Azure Managed Redis: one redis-server per cluster, TLS only, Entra tokens as passwords of ACL users.

https://learn.microsoft.com/azure/redis/entra-for-authentication (user name = object id, password = token)
"""

import functools
import os
import secrets
import shutil
import time
import weakref
from pathlib import Path
from typing import Any

import redis.asyncio

from twin.runner import ProcessSpec, Tcp
from twin.services.base import Cloud, Resource
from twin.services.shapes import ancestor, holder, refuse, shaped, tokens

CLUSTER, DATABASE, ASSIGNMENT = (f"azure-native:redisenterprise:{name}"
                                 for name in ("RedisEnterprise", "Database", "AccessPolicyAssignment"))
AUDIENCE = "https://redis.azure.com"
ADMINISTRATOR = "twin"
MEMORY = "96mb"
"""What a cluster may hold here, whatever its SKU; the eviction policy does the rest."""
EVICTION = {"AllKeysLFU": "allkeys-lfu", "AllKeysLRU": "allkeys-lru", "AllKeysRandom": "allkeys-random",
            "VolatileLRU": "volatile-lru", "VolatileLFU": "volatile-lfu", "VolatileTTL": "volatile-ttl",
            "VolatileRandom": "volatile-random", "NoEviction": "noeviction"}
RIGHTS = ("~*", "&*", "+@all", "-@admin", "-@dangerous", "+info", "+keys")
_hooked: weakref.WeakSet[Cloud] = weakref.WeakSet()


class Cache:
    """A cluster gives the host, its database the process, an assignment an ACL user."""

    realised = tokens("redisenterprise", "RedisEnterprise", "Database", "AccessPolicyAssignment")
    recorded = frozenset()

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """A database answers, an assignment's user exists, when this returns."""
        if resource.type == CLUSTER:
            return shaped(resource, hostName="localhost", provisioningState="Succeeded", resourceState="Running",
                          redisVersion="7.4", redundancyMode="None")
        if resource.type == DATABASE:
            return await put_database(cloud, resource)
        if resource.inputs.get("accessPolicyName", "default") != "default":
            raise refuse(resource, f"access policy {resource.inputs['accessPolicyName']} is not offered; use default.")
        async with await client(cloud, cluster_of(cloud, resource)) as administrator:
            await allow(administrator, cloud, resource.inputs["user"]["objectId"])
        return shaped(resource, provisioningState="Succeeded")

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """A database's data goes with it; an assignment's user is cut off at once."""
        if not holder(cloud, resource, "redisEnterprise"):
            return
        cluster = cluster_of(cloud, resource)
        if resource.type == ASSIGNMENT and (process := cloud.runner.get(name_of(cluster))) and process.state == "ready":
            async with await client(cloud, cluster) as administrator:
                await administrator.execute_command("ACL", "DELUSER", resource.inputs["user"]["objectId"])
                await administrator.execute_command("ACL", "SAVE")
        elif resource.type == DATABASE:
            await cloud.runner.stop(name_of(cluster))
            shutil.rmtree(cloud.home.data / cluster, ignore_errors=True)

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """Only databases have a process; its users are in its ACL file."""
        if resource.type == DATABASE:
            await put_database(cloud, resource)


def cluster_of(cloud: Cloud, resource: Resource) -> str:
    """Name of the cluster that the resource is or belongs to."""
    return resource.name if resource.type == CLUSTER else ancestor(cloud, resource, "redisEnterprise").name


def name_of(cluster: str) -> str:
    """Name of the cluster's process and port."""
    return f"redis-{cluster}"


async def put_database(cloud: Cloud, resource: Resource) -> dict[str, Any]:
    """Starts the cluster's redis-server. Refused: what it would have to pretend."""
    asked = resource.inputs
    policy = asked.get("clusteringPolicy") or "OSSCluster"
    if policy == "OSSCluster":
        raise refuse(resource, "clusteringPolicy OSSCluster needs shards, the twin runs one; use NoCluster or "
                               "EnterpriseCluster.")
    if asked.get("clientProtocol") == "Plaintext" or asked.get("modules"):
        raise refuse(resource, "Plaintext and modules are not offered; use clientProtocol Encrypted without modules.")
    if asked.get("accessKeysAuthentication") == "Enabled":
        raise refuse(resource, "access keys are not handed out; set accessKeysAuthentication to Disabled.")
    if cloud not in _hooked:
        _hooked.add(cloud)
        cloud.identities.on_token(AUDIENCE, functools.partial(install, cloud))
    cluster = ancestor(cloud, resource, "redisEnterprise")
    port = await cloud.ports.of(name_of(cluster.name))
    folder = cloud.home.data / cluster.name
    folder.mkdir(parents=True, exist_ok=True)
    users = administrators_file(folder)
    await cloud.runner.start(ProcessSpec(
        name=name_of(cluster.name), cwd=folder, environment=dict(cloud.environment), region=cluster.location,
        service="cache", ports=(port,), ready=Tcp(port), resource_id=resource.id, command=(
            str(cloud.tools.redis), "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1",
            "--tls-cert-file", str(cloud.tls.cert), "--tls-key-file", str(cloud.tls.key),
            "--tls-ca-cert-file", str(cloud.tls.own_ca), "--tls-auth-clients", "no", "--aclfile", str(users),
            "--maxmemory", MEMORY, "--maxmemory-policy", EVICTION[asked.get("evictionPolicy") or "VolatileLRU"],
            "--save", "", "--appendonly", "no", "--dir", str(folder))))
    return shaped(resource, port=port, provisioningState="Succeeded", resourceState="Running", redisVersion="7.4")


def administrators_file(folder: Path) -> Path:
    """The ACL file: default user off, and the service's own administrator, whose password is beside it."""
    users, password = folder / "users.acl", folder / "administrator.password"
    if not users.exists():
        for file, text in ((password, secrets.token_urlsafe(24)), (users, "")):
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as opened:
                opened.write(text or f"user default off\nuser {ADMINISTRATOR} on >{password.read_text()} ~* &* +@all\n")
    return users


async def client(cloud: Cloud, cluster: str) -> redis.asyncio.Redis:
    """A connection as administrator."""
    return redis.asyncio.Redis(
        host="localhost", port=await cloud.ports.of(name_of(cluster)), username=ADMINISTRATOR,
        password=(cloud.home.data / cluster / "administrator.password").read_text(), ssl=True,
        ssl_ca_certs=str(cloud.tls.own_ca), socket_timeout=5, single_connection_client=True)


async def allow(administrator: redis.asyncio.Redis, cloud: Cloud, principal: str) -> None:
    """The user of a principal, with every token of it that is in force (an old one stays good until it expires)."""
    held = [f">{token}" for owner, token, expires in cloud.identities.issued(AUDIENCE)
            if owner == principal and expires > time.time()]
    await administrator.execute_command("ACL", "SETUSER", principal, "on", *held, *RIGHTS)
    await administrator.execute_command("ACL", "SAVE")


async def install(cloud: Cloud, principal: str, token: str, expires: float) -> None:
    """Adds a fresh token to the principal's user wherever it has one."""
    for assignment in cloud.find(ASSIGNMENT):
        cluster = cluster_of(cloud, assignment)
        process = cloud.runner.get(name_of(cluster))
        if assignment.inputs["user"]["objectId"] == principal and process and process.state == "ready":
            async with await client(cloud, cluster) as administrator:
                await administrator.execute_command("ACL", "SETUSER", principal, f">{token}")
                await administrator.execute_command("ACL", "SAVE")


SERVICE = Cache()
