"""The region's Redis, cache-aside: a cold or dead one never makes an error, only a slower answer.

A dropped key is not deleted but marked for two seconds, and filling never overwrites: so a reader that looked into the
database before a change was committed cannot put the old answer back after it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from azure.core.exceptions import AzureError
from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError, RedisError

from shipments.identity import Password, ca_file
from shipments.settings import host_and_port

CONNECTIONS = 16
"""Of a process, all opened when it starts: each new one reads the trusted roots again, 20 ms in which the process does
nothing else, so a burst must not open one for every request.  More requests wait for one, a millisecond or so."""
SHIPMENT_SECONDS, ELSEWHERE_SECONDS = 20, 2
"""How long a shipment is kept: where commands are applied, whose worker drops what changes, and in the other region,
whose cache learns of changes only by this."""
DROPPED = b""
MARK = 2
"""Seconds that a dropped key refuses to be filled: longer than a read from the database takes."""
PAUSE = 2.0
"""Seconds that Redis is left alone after it failed; then one request tries it, while the others still do without."""
RENEWAL = 600.0
"""Seconds between looks for a newer token.  Azure closes a connection whose token expired, so it is renewed before:
https://learn.microsoft.com/azure/redis/entra-for-authentication#connect-with-microsoft-entra-id"""


class _Token(CredentialProvider):
    """Signs every new connection in with the identity's current token."""

    def __init__(self, user: str, password: Password):
        self._user, self._password = user, password

    async def get_credentials_async(self) -> tuple[str, str]:
        try:
            return self._user, await self._password()
        except AzureError as error:
            raise ConnectionError("no token to sign in with") from error


class Cache:
    """Bytes by key.  Every method returns as if the cache were empty when Redis does not answer."""

    def __init__(self, host: str, user: str, password: Password):
        name, port = host_and_port(host, 10000)
        self._password, self._token = password, ""
        self._redis = Redis.from_pool(BlockingConnectionPool(
            connection_class=SSLConnection, max_connections=CONNECTIONS, timeout=0.5,
            host=name, port=port, ssl_ca_certs=ca_file(), ssl_check_hostname=True,
            credential_provider=_Token(user, password), socket_timeout=0.5, socket_connect_timeout=1,
            retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))))
        self._failed, self._next_try = False, 0.0
        self._loads: dict[str, asyncio.Task[bytes | None]] = {}
        self._renewal: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects ahead of the first requests, in the background: an app starts while Redis hangs."""
        self._renewal = asyncio.create_task(self._keep())

    async def close(self) -> None:
        if self._renewal:
            self._renewal.cancel()
        await self._redis.aclose()

    async def ping(self) -> None:
        """Raises what Redis raises: for health, not for use."""
        await self._redis.ping()

    async def get(self, key: str) -> bytes | None:
        """None for what is not there, was dropped just now, or cannot be asked for."""
        return await self._try(lambda: self._redis.get(key)) or None

    async def fill(self, key: str, value: bytes, seconds: int) -> None:
        """Keeps what was read, unless the key was dropped meanwhile."""
        await self._try(lambda: self._redis.set(key, value, ex=seconds, nx=True))

    async def put(self, key: str, value: bytes, seconds: int) -> None:
        await self._try(lambda: self._redis.set(key, value, ex=seconds))

    async def drop(self, keys: list[str]) -> None:
        """Marks the keys as changed."""
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.set(key, DROPPED, ex=MARK)
        await self._try(pipeline.execute)

    async def read_through(self, key: str, seconds: int, load: Callable[[], Awaitable[bytes | None]]) -> bytes | None:
        """The kept value, else what `load` gives, kept for `seconds`; one load at a time for a key in this process."""
        if (value := await self.get(key)) is not None:
            return value
        if (running := self._loads.get(key)) is None:
            running = self._loads[key] = asyncio.create_task(self._load(key, seconds, load))
            running.add_done_callback(lambda _: self._loads.pop(key, None))
        return await asyncio.shield(running)

    async def _load(self, key: str, seconds: int, load: Callable[[], Awaitable[bytes | None]]) -> bytes | None:
        value = await load()
        if value is not None:
            await self.fill(key, value, seconds)
        return value

    async def _try(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """What Redis answers; None when it does not, or did not a moment ago."""
        if self._failed:
            now = time.monotonic()
            if now < self._next_try:
                return None
            self._next_try = now + PAUSE
        try:
            answer = await work()
        except (RedisError, OSError, TimeoutError):
            self._failed, self._next_try = True, time.monotonic() + PAUSE
            return None
        self._failed = False
        return answer

    async def _keep(self) -> None:
        """Opens the connections, then lets those that signed in with an older token sign in again before it expires."""
        await asyncio.gather(*(self._redis.ping() for _ in range(CONNECTIONS)), return_exceptions=True)
        while True:
            await asyncio.sleep(RENEWAL)
            try:
                token = await self._password()
            except Exception:
                continue
            if token != self._token:
                self._token = token
                await self._redis.connection_pool.disconnect(inuse_connections=False)
