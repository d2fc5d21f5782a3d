"""Claim check: bodies too large for a message, and photos, lie in the blob accounts of both regions before the message
is sent (https://learn.microsoft.com/azure/architecture/patterns/claim-check)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import BlobServiceClient

from shipments.errors import Refusal, Unavailable
from shipments.queues import PATIENCE, Transport
from shipments.settings import BODIES

PEER, PER_MEGABYTE = 1.0, 0.5
"""Seconds that a write to the other region's account may take, and more for each megabyte of it."""
PEER_READ = 5.0
"""Seconds that a blob of the other region may take, of which only its name is known."""


@dataclass(frozen=True)
class Where:
    """In which accounts something is now."""

    own: bool
    peer: bool


class Blobs:
    """Two blob accounts that are to hold the same: the own region's, then the peer's."""

    def __init__(self, endpoints: Sequence[str], credential: AsyncTokenCredential):
        self._accounts = [BlobServiceClient(endpoint, credential=credential, transport=Transport(), **PATIENCE)
                          for endpoint in endpoints]

    async def close(self) -> None:
        await asyncio.gather(*(account.close() for account in self._accounts))

    async def put(self, name: str, body: bytes, container: str = BODIES, *, peer: bool = True,
                  media_type: str = "application/json") -> Where:
        """Writes it to both accounts, or to the own one alone -> where it is; raises Unavailable when nowhere."""
        own, far = self._accounts[0], self._accounts[1:] if peer else []
        done = await asyncio.gather(
            self._write(own, container, name, body, media_type, None),
            *(self._write(account, container, name, body, media_type, PEER + PER_MEGABYTE * len(body) / (1 << 20))
              for account in far))
        if not any(done):
            raise Unavailable("blob storage of both regions" if peer else "the region's blob storage")
        return Where(done[0], done[-1] and bool(far))

    async def copy_to_peer(self, name: str, container: str = BODIES) -> None:
        """What the own account has is in the peer's, too; raises Unavailable, and Refusal when neither has it."""
        if await self.find(name, container, peer=True) is None:
            kind = "application/json" if container == BODIES else f"image/{name.rpartition('.')[2]}"
            where = await self.put(name, await self.get(name, container), container, media_type=kind)
            if not where.peer:
                raise Unavailable("the other region's blob storage")

    async def get(self, name: str, container: str = BODIES) -> bytes:
        """From the first account that has it; Refusal when all of them answer that they have not, Unavailable else."""
        away = None
        for peer in range(len(self._accounts)):
            try:
                if (found := await self.find(name, container, peer=bool(peer))) is not None:
                    return found
            except Unavailable as error:
                away = error
        if away:
            raise away
        raise Refusal(f"{container}/{name} is in the blob account of neither region")

    async def find(self, name: str, container: str, *, peer: bool = False) -> bytes | None:
        """From one account alone; None when it is not there.  Raises Unavailable."""
        account = self._accounts[peer]
        try:
            async with asyncio.timeout(PEER_READ if peer else None):
                return await (await account.get_blob_client(container, name).download_blob()).readall()
        except ResourceNotFoundError:
            return None
        except (AzureError, OSError, TimeoutError) as error:
            raise Unavailable("blob storage") from error

    async def ping(self) -> None:
        """Raises what the SDK raises: for health, not for use."""
        await self._accounts[0].get_container_client(BODIES).get_container_properties()

    async def _write(self, account: BlobServiceClient, container: str, name: str, body: bytes, media_type: str,
                     longest: float | None) -> bool:
        try:
            async with asyncio.timeout(longest):
                await account.get_blob_client(container, name).upload_blob(
                    body, overwrite=True, content_settings=ContentSettings(content_type=media_type))
        except (AzureError, OSError, TimeoutError):
            return False
        return True
