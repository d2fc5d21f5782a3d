"""The port to a region's queues: base64 bodies that never expire.

A message holds at most 64 KiB, that is 48 KiB before base64, and lives for 7 days unless told otherwise
(https://learn.microsoft.com/rest/api/storageservices/put-message).
"""

import base64
import ssl
from typing import Any

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from shipments.errors import Unavailable
from shipments.identity import ca_file

LARGEST = 48 * 1024
"""Bytes of a message before base64."""
NEVER = -1

PATIENCE: dict[str, Any] = {"retry_total": 2, "initial_backoff": 0.2, "increment_base": 0.5, "random_jitter_range": 0,
                            "connection_timeout": 2, "read_timeout": 5}
"""A user waits for the answer, so a storage account that is away is told within seconds; the SDK's own ExponentialRetry
waits 15 s before it tries again (azure.storage.queue._shared.policies_async)."""


class Transport(AioHttpTransport):
    """Connections of one account, kept open, trusting what the app trusts.

    The SDK's own `connection_verify=<file>` reads that file again for every request, and so opens a connection for each
    (azure.core.pipeline.transport.AioHttpTransport.send): ten times the work of the request itself."""

    async def open(self) -> None:
        if not self._has_been_opened:
            connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca_file()), limit=0)
            self.session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(),
                                                 auto_decompress=False)
        await super().open()


class Queues:
    """The queues of one region's queue account."""

    def __init__(self, endpoint: str, credential: AsyncTokenCredential):
        self._service = QueueServiceClient(endpoint, credential=credential, transport=Transport(), **PATIENCE)
        self._clients: dict[str, QueueClient] = {}

    async def close(self) -> None:
        await self._service.close()

    async def put(self, queue: str, message: bytes) -> None:
        """Durable when it returns; raises Unavailable."""
        try:
            await self._client(queue).send_message(base64.b64encode(message).decode(), time_to_live=NEVER)
        except (AzureError, OSError, TimeoutError) as error:
            raise Unavailable(f"queue {queue}") from error

    async def ping(self, queue: str) -> None:
        """Raises what the SDK raises: for health, not for use."""
        await self._client(queue).get_queue_properties()

    def _client(self, queue: str) -> QueueClient:
        if queue not in self._clients:
            self._clients[queue] = self._service.get_queue_client(queue)
        return self._clients[queue]
