"""Storage accounts, queues and containers; `storageaccount.py` is what Resource Manager does with accounts."""

import asyncio
import shutil
import ssl
from dataclasses import replace
from typing import Any

import httpx

from twin.services import azurite, storageaccount
from twin.services.azurite import ACCOUNT
from twin.services.base import DEPLOYER, AzureError, Cloud, Resource
from twin.services.redundancy import check_redundancy
from twin.services.shapes import ancestor, holder, shaped, tokens

VERSION = "2021-12-02"
AUDIENCE = "https://storage.azure.com"


class Storage:
    """Realises accounts, queues and containers; service properties and life-cycle policies are only recorded."""

    realised = tokens("storage", "StorageAccount", "Queue", "BlobContainer")
    recorded = tokens("storage", "BlobServiceProperties", "QueueServiceProperties", "ManagementPolicy")

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """An account answers on its ports when this returns; a queue or container exists in it.

        Another SKU than the account's own is a change, as PATCH is: after a failover the program's state must have been
        refreshed, or it asks for the SKU that was."""
        if resource.type in self.recorded:
            return shaped(resource)
        if resource.type == ACCOUNT:
            known = previous.outputs if previous else {}
            account = replace(resource, outputs={**known, "sku": resource.inputs.get("sku") or known.get("sku")})
            check_redundancy(account)
            await storageaccount.realise(cloud, account)
            return await storageaccount.outputs(cloud, account)
        await data_plane(cloud, resource, "PUT", accepted=(201, 204, 409))
        return shaped(resource, **({"publicAccess": "None"} if resource.type.endswith("BlobContainer") else {}))

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """An account's data goes with it."""
        if resource.type == ACCOUNT:
            await storageaccount.stop(cloud, resource)
            await asyncio.to_thread(shutil.rmtree, azurite.home(cloud, resource), ignore_errors=True)
        elif resource.type in self.realised and holder(cloud, resource, "storageAccounts"):
            await data_plane(cloud, resource, "DELETE", accepted=(202, 204, 404))

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """Only accounts have processes."""
        if resource.type == ACCOUNT:
            await storageaccount.realise(cloud, resource)


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
                             f"logs/{azurite.process_name(account)}.log.", 503) from error
    if answer.status_code not in accepted:
        raise AzureError(answer.headers.get("x-ms-error-code", "StorageError"),
                         f"{account.name}/{resource.name}: storage answered {answer.status_code} to {method}.",
                         answer.status_code)


SERVICE = Storage()
