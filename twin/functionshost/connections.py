"""Identity-based connections to queue and blob storage, one HTTP session and one token cache for all of them.

`<NAME>__queueServiceUri`, `__blobServiceUri`, `__accountName`, `__credential=managedidentity`, `__clientId`:
https://learn.microsoft.com/azure/azure-functions/functions-reference#common-properties-for-identity-based-connections
"""

import os
from typing import Any

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueClient

from .hostjson import Refused

HOST_STORAGE = "AzureWebJobsStorage"


class Connections:
    """Clients by connection name; close it once, after the last use."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        self._credentials: dict[str, Any] = {}

    def queue(self, connection: str | None, name: str) -> QueueClient:
        connection = connection or HOST_STORAGE
        return QueueClient(self._uri(connection, "queue"), name, **self._options(connection))

    def blobs(self, connection: str | None) -> BlobServiceClient:
        connection = connection or HOST_STORAGE
        return BlobServiceClient(self._uri(connection, "blob"), **self._options(connection))

    def _options(self, connection: str) -> dict[str, Any]:
        """Retries as the host's .NET client does them (from 0.8 s), not the Python SDK's (from 15 s)."""
        return {
            "credential": self._credential(connection),
            "transport": AioHttpTransport(session=self._session, session_owner=False),
            "initial_backoff": 1,
            "increment_base": 2,
            "random_jitter_range": 0,
        }

    @staticmethod
    def _uri(connection: str, service: str) -> str:
        uri = os.environ.get(f"{connection}__{service}ServiceUri")
        account = os.environ.get(f"{connection}__accountName")
        if not uri and not account:
            raise Refused(
                f"connection {connection}: neither {connection}__{service}ServiceUri nor {connection}__accountName "
                "is set (connection strings with keys are not supported): add the app setting"
            )
        return uri or f"https://{account}.{service}.core.windows.net"

    def _credential(self, connection: str) -> Any:
        client = os.environ.get(f"{connection}__clientId", "")
        managed = os.environ.get(f"{connection}__credential", "").lower() == "managedidentity"
        key = f"{managed}:{client}"
        if key not in self._credentials:
            kind = ManagedIdentityCredential if managed else DefaultAzureCredential
            chosen = {"client_id" if managed else "managed_identity_client_id": client} if client else {}
            self._credentials[key] = kind(**chosen)
        return self._credentials[key]

    async def close(self) -> None:
        for credential in self._credentials.values():
            await credential.close()
        await self._session.close()
