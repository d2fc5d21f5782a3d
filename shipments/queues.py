"""The port to a region's queues: base64 bodies that never expire.

A message holds at most 64 KiB, that is 48 KiB before base64, and lives for 7 days unless told otherwise
(https://learn.microsoft.com/rest/api/storageservices/put-message).
"""

import asyncio
import base64
import binascii
import ssl
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from typing import Any, TypeVar

import aiohttp
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient
from yarl import URL

from shipments.errors import Unavailable
from shipments.identity import ca_file

Result = TypeVar("Result")

LARGEST = 48 * 1024
"""Bytes of a message before base64."""
NEVER = -1

CONNECT, READ = 2.0, 5.0
PATIENCE: dict[str, Any] = {"retry_total": 2, "initial_backoff": 0.2, "increment_base": 0.5, "random_jitter_range": 0}
"""Seconds to connect and to read, and how often it is tried again.  A user waits for the answer, so a storage account
that is away is told within seconds; the SDK's own ExponentialRetry waits 15 s before it tries again
(azure.storage.queue._shared.policies_async)."""
OWN, PEER = 12.0, 1.0
"""Seconds that a call to the own region's account may take, and to the other region's: one that hangs must not be felt
here, and two round trips between the regions are a fraction of it."""


GONE = ("MessageNotFound", "PopReceiptMismatch")
"""Error codes of a message that is gone, or was received by somebody else meanwhile
(https://learn.microsoft.com/rest/api/storageservices/queue-service-error-codes)."""


@cache
def _trusting(file: str) -> ssl.SSLContext:
    """Read once: an app has several accounts, and parsing the roots takes 20 ms in which it does nothing else."""
    return ssl.create_default_context(cafile=file)


CREATED, VERSION = 201, "2021-12-02"
STORAGE = "https://storage.azure.com/.default"
RENEWAL = 300
"""Seconds before its expiry that a token is replaced."""
FIRST_TRY = aiohttp.ClientTimeout(total=5)


class Connector(aiohttp.TCPConnector):
    """Connects within the time-out for connecting, the TLS handshake included: a frozen server accepts the connection,
    and asyncio alone waits 60 s for its handshake (https://docs.python.org/3/library/asyncio-eventloop.html,
    `ssl_handshake_timeout`)."""

    async def connect(self, req: Any, traces: Any, timeout: aiohttp.ClientTimeout) -> Any:
        async with asyncio.timeout(timeout.sock_connect):
            return await super().connect(req, traces, timeout)


class Transport(AioHttpTransport):
    """Connections of one account, kept open, trusting what the app trusts, in seconds: those for connecting and reading
    that the SDK's clients are given go to a transport of their own making alone, and this one would wait for 300.

    The SDK's own `connection_verify=<file>` reads that file again for every request, and so opens a connection for each
    (azure.core.pipeline.transport.AioHttpTransport.send): ten times the work of the request itself."""

    def __init__(self, *, connection_timeout: float = CONNECT, read_timeout: float = READ):
        super().__init__(connection_timeout=connection_timeout, read_timeout=read_timeout)

    async def open(self) -> None:
        if self._has_been_opened and self.session:
            return
        if not self._has_been_opened:
            connector = Connector(ssl=_trusting(ca_file()), limit=0)
            self.session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(),
                                                 auto_decompress=False)
        await super().open()


@dataclass(frozen=True)
class Entry:
    """A message as it was received: `receipt` lets only this receiver take it away."""

    id: str
    receipt: str
    message: bytes
    dequeued: int = 1
    """How often it was received, this time included."""


class Queues:
    """The queues of one region's queue account; every method raises Unavailable, within `longest` seconds."""

    def __init__(self, endpoint: str, credential: AsyncTokenCredential, longest: float = OWN):
        self._transport, self._credential, self._longest = Transport(), credential, longest
        self._service = QueueServiceClient(endpoint, credential=credential, transport=self._transport, **PATIENCE)
        self._clients: dict[str, QueueClient] = {}
        self._token = AccessToken("", 0)

    async def close(self) -> None:
        await self._service.close()

    async def put(self, queue: str, message: bytes, hidden: int = 0) -> None:
        """Durable when it returns; shown to receivers after `hidden` seconds."""
        await self._call(queue, self._put(self._client(queue), base64.b64encode(message).decode(), hidden))

    async def receive(self, queue: str, count: int, hidden: int) -> list[Entry]:
        """Up to `count` (at most 32) messages, which nobody else gets for `hidden` seconds."""
        pages = self._client(queue).receive_messages(messages_per_page=count, visibility_timeout=hidden).by_page()
        return await self._call(queue, _first(pages)) or []

    async def delete(self, queue: str, entry: Entry) -> None:
        """For good; nothing happens when it is gone, or somebody else's, already."""
        await self._call(queue, self._client(queue).delete_message(entry.id, entry.receipt))

    async def length(self, queue: str) -> int:
        """Messages, hidden ones included; the service never tells too few
        (https://learn.microsoft.com/rest/api/storageservices/get-queue-metadata)."""
        return int((await self._call(queue, self._client(queue).get_queue_properties())).approximate_message_count or 0)

    async def ping(self, queue: str) -> None:
        """Raises what the SDK raises: for health, not for use."""
        await self._client(queue).get_queue_properties()

    async def _put(self, client: QueueClient, content: str, hidden: int) -> None:
        """What is not taken at once is left to the SDK, which tries again and knows what went wrong."""
        try:
            if await self._post(client, content, hidden) == CREATED:
                return
        except (aiohttp.ClientError, AzureError, OSError):
            pass
        await client.send_message(content, time_to_live=NEVER, visibility_timeout=hidden or None)

    async def _post(self, client: QueueClient, content: str, hidden: int) -> int:
        """Put Message, as one plain request: users wait for it, twice with the journal, and the SDK's pipeline takes
        three times as long as what it sends (https://learn.microsoft.com/rest/api/storageservices/put-message)."""
        if self._token.expires_on < time.time() + RENEWAL:
            self._token = await self._credential.get_token(STORAGE)
        await self._transport.open()
        url = URL(f"{client.url}/messages?visibilitytimeout={hidden}&messagettl={NEVER}", encoded=True)
        body = f"<QueueMessage><MessageText>{content}</MessageText></QueueMessage>".encode()
        headers = {"Authorization": f"Bearer {self._token.token}", "x-ms-version": VERSION,
                   "x-ms-date": formatdate(usegmt=True), "Content-Type": "application/xml"}
        async with self._transport.session.post(url, data=body, headers=headers, timeout=FIRST_TRY) as answer:
            await answer.read()
            return answer.status

    async def _call(self, queue: str, request: Awaitable[Result]) -> Result | None:
        try:
            async with asyncio.timeout(self._longest):
                return await request
        except (AzureError, OSError, TimeoutError) as error:
            if getattr(error, "error_code", None) in GONE:
                return None
            raise Unavailable(f"queue {queue}") from error

    def _client(self, queue: str) -> QueueClient:
        if queue not in self._clients:
            self._clients[queue] = self._service.get_queue_client(queue)
        return self._clients[queue]


async def _first(pages: AsyncIterator[AsyncIterator[QueueMessage]]) -> list[Entry]:
    async for page in pages:
        return [_entry(message) async for message in page]
    return []


def _entry(message: QueueMessage) -> Entry:
    try:
        content = base64.b64decode(message.content, validate=True)
    except (binascii.Error, ValueError):
        content = str(message.content).encode()
    return Entry(message.id, message.pop_receipt, content, message.dequeue_count)
