"""Claim check: bodies too large for a message lie in the blob accounts of both regions before the message is sent
(https://learn.microsoft.com/azure/architecture/patterns/claim-check)."""

import asyncio
from collections.abc import Sequence

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

from shipments.errors import Refusal, Unavailable
from shipments.queues import PATIENCE, Transport
from shipments.settings import BODIES


class Blobs:
    """Blob accounts that hold the same; the own region's is the first."""

    def __init__(self, endpoints: Sequence[str], credential: AsyncTokenCredential):
        self._accounts = [BlobServiceClient(endpoint, credential=credential, transport=Transport(), **PATIENCE)
                          for endpoint in endpoints]

    async def close(self) -> None:
        await asyncio.gather(*(account.close() for account in self._accounts))

    async def put(self, name: str, body: bytes, container: str = BODIES) -> int:
        """Writes it to every account -> in how many of them it is; raises Unavailable when in none."""
        done = await asyncio.gather(*(self._write(account, container, name, body) for account in self._accounts))
        if not any(done):
            raise Unavailable("blob storage of both regions")
        return sum(done)

    async def get(self, name: str, container: str = BODIES) -> bytes:
        """From the first account that has it; Refusal when all of them answer that they have not, Unavailable else."""
        away = None
        for account in self._accounts:
            try:
                return await (await account.get_blob_client(container, name).download_blob()).readall()
            except ResourceNotFoundError:
                continue
            except (AzureError, OSError, TimeoutError) as error:
                away = error
        if away:
            raise Unavailable("blob storage") from away
        raise Refusal(f"the body {name} is in the blob account of neither region")

    async def find(self, name: str, container: str) -> bytes | None:
        """From the own region's account alone; None when it is not there.  Raises Unavailable."""
        try:
            return await (await self._accounts[0].get_blob_client(container, name).download_blob()).readall()
        except ResourceNotFoundError:
            return None
        except (AzureError, OSError, TimeoutError) as error:
            raise Unavailable("blob storage") from error

    async def ping(self) -> None:
        """Raises what the SDK raises: for health, not for use."""
        await self._accounts[0].get_container_client(BODIES).get_container_properties()

    async def _write(self, account: BlobServiceClient, container: str, name: str, body: bytes) -> bool:
        try:
            await account.get_blob_client(container, name).upload_blob(body, overwrite=True)
        except (AzureError, OSError, TimeoutError):
            return False
        return True
