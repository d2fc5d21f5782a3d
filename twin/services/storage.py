"""Storage accounts: one Azurite process each, over HTTPS, tokens only.

https://learn.microsoft.com/azure/storage/common/storage-use-azurite (start options, OAuth, HTTPS).
The account's key is random, known to its process alone and never handed out.
"""

import asyncio
import base64
import json
import os
import shutil
import ssl
from pathlib import Path
from typing import Any

import httpx

from twin.runner import ProcessSpec, Tcp
from twin.services import frontend
from twin.services.base import DEPLOYER, AzureError, Cloud, Resource
from twin.services.redundancy import check_redundancy, has_secondary, is_geo_redundant, peer, process_name, sku
from twin.services.shapes import ancestor, holder, shaped, tokens

ACCOUNT = "azure-native:storage:StorageAccount"
VERSION = "2021-12-02"
LEAN = Path(__file__).with_name("azurite.cjs")
AUDIENCE = "https://storage.azure.com"


class Storage:
    """Realises accounts, queues and containers; service properties and life-cycle policies are only recorded."""

    realised = tokens("storage", "StorageAccount", "Queue", "BlobContainer")
    recorded = tokens("storage", "BlobServiceProperties", "QueueServiceProperties", "ManagementPolicy")

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """An account answers on its ports when this returns; a queue or container exists in it."""
        if resource.type in self.recorded:
            return shaped(resource)
        if resource.type == ACCOUNT:
            check_redundancy(resource)
            await start(cloud, resource)
            if has_secondary(resource) or (previous and has_secondary(previous)):
                await frontend.apply(cloud, peer(resource), put=resource)
            return await account_outputs(cloud, resource)
        await data_plane(cloud, resource, "PUT", accepted=(201, 204, 409))
        return shaped(resource, **({"publicAccess": "None"} if resource.type.endswith("BlobContainer") else {}))

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """An account's data goes with it."""
        if resource.type == ACCOUNT:
            await cloud.runner.stop(process_name(resource))
            await asyncio.to_thread(shutil.rmtree, folder(cloud, resource), ignore_errors=True)
            if has_secondary(resource):
                await frontend.apply(cloud, peer(resource), without=resource.id)
        elif resource.type in self.realised and holder(cloud, resource, "storageAccounts"):
            await data_plane(cloud, resource, "DELETE", accepted=(202, 204, 404))

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """Only accounts have a process."""
        if resource.type == ACCOUNT:
            await start(cloud, resource)
            if has_secondary(resource):
                await frontend.apply(cloud, peer(resource), put=resource)


def folder(cloud: Cloud, resource: Resource) -> Path:
    """Where the account's data lives."""
    return cloud.home.data / resource.name


async def start(cloud: Cloud, resource: Resource) -> None:
    """Starts the account's Azurite."""
    blob, queue = [await cloud.ports.of(f"{process_name(resource)}-{kind}") for kind in ("blob", "queue")]
    data = folder(cloud, resource)
    data.mkdir(parents=True, exist_ok=True)
    await cloud.runner.start(ProcessSpec(
        name=process_name(resource), cwd=data, region=resource.location, service="storage", ports=(blob, queue),
        command=(str(cloud.tools.azurite), "--silent", "--disableTelemetry", "--skipApiVersionCheck",
                 "--location", str(data), "--oauth", "basic",
                 "--cert", str(cloud.tls.cert), "--key", str(cloud.tls.key),
                 "--blobHost", "127.0.0.1", "--blobPort", str(blob), "--blobKeepAliveTimeout", "60",
                 "--queueHost", "127.0.0.1", "--queuePort", str(queue), "--queueKeepAliveTimeout", "60",
                 "--tableHost", "127.0.0.1", "--tablePort", "0"),
        environment={**cloud.environment, "AZURITE_ACCOUNTS": f"{resource.name}:{account_key(data)}",
                     "NODE_OPTIONS": f"--max-old-space-size=192 --require {json.dumps(str(LEAN))}"},
        ready=Tcp(queue), ready_within=60, resource_id=resource.id))


def account_key(data: Path) -> str:
    """The account's key, made once; only its process reads it."""
    file = data / "account.key"
    if not file.exists():
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as opened:
            opened.write(base64.b64encode(os.urandom(32)).decode())
    return file.read_text()


async def account_outputs(cloud: Cloud, resource: Resource) -> dict[str, Any]:
    """Endpoints as ARM gives them, with this machine's ports
    (https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties)."""
    name = process_name(resource)
    outputs = {"primaryEndpoints": {kind: f"https://localhost:{await cloud.ports.of(f'{name}-{kind}')}/{resource.name}/"
                                    for kind in ("blob", "queue")},
               "primaryLocation": resource.location, "statusOfPrimary": "available", "provisioningState": "Succeeded",
               "sku": {**resource.inputs.get("sku", {}), "tier": sku(resource).partition("_")[0]}}
    if is_geo_redundant(resource):
        outputs |= {"secondaryLocation": peer(resource), "statusOfSecondary": "available"}
    if has_secondary(resource):
        outputs["secondaryEndpoints"] = {
            kind: f"https://localhost:{await cloud.ports.of(f'{name}-{kind}-secondary')}/{resource.name}-secondary/"
            for kind in ("blob", "queue")}
    return shaped(resource, **outputs)


async def data_plane(cloud: Cloud, resource: Resource, method: str, accepted: tuple[int, ...]) -> None:
    """Creates or deletes a queue or container through the account's own endpoint; AzureError when it refuses
    (https://learn.microsoft.com/rest/api/storageservices/create-container)."""
    account = ancestor(cloud, resource, "storageAccounts")
    kind = "queue" if resource.type.endswith(":Queue") else "blob"
    url = account.outputs["primaryEndpoints"][kind] + resource.name
    headers = {"Authorization": f"Bearer {await cloud.identities.token(DEPLOYER, AUDIENCE)}", "x-ms-version": VERSION}
    headers |= {f"x-ms-meta-{key}": value for key, value in (resource.inputs.get("metadata") or {}).items()}
    verify = ssl.create_default_context(cafile=cloud.tls.own_ca)
    async with httpx.AsyncClient(verify=verify, timeout=30, trust_env=False) as client:
        try:
            answer = await client.request(method, url, headers=headers,
                                          params={"restype": "container"} if kind == "blob" else None)
        except httpx.HTTPError as error:
            raise AzureError("ServiceUnavailable", f"{account.name} does not answer ({type(error).__name__}); see "
                             f"logs/{process_name(account)}.log.", 503) from error
    if answer.status_code not in accepted:
        raise AzureError(answer.headers.get("x-ms-error-code", "StorageError"),
                         f"{account.name}/{resource.name}: storage answered {answer.status_code} to {method}.",
                         answer.status_code)


SERVICE = Storage()
