"""Connections to PostgreSQL: bounded pools whose passwords are Entra tokens, over TLS that names its server."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from shipments.errors import Unavailable
from shipments.identity import Password, ca_file
from shipments.settings import host_and_port

set_json_loads(orjson.loads)
"""`jsonb` writes 1e20 out as digits; this reader takes what exceeds 64 bits for the float it was, so that it can be
written as JSON again."""

Result = TypeVar("Result")
Connection = AsyncConnection[TupleRow]

READING, WRITING = 10, 120
"""Seconds that a statement may take.  Somebody waits for what is read; what was acknowledged has to be applied however
long that takes, and ten thousand events on a busy server take longer than any user would wait."""
GRACE = 2.0
"""Seconds that a server has to say that a statement took too long; after them the line to it is cut."""
LIFETIME = 30 * 60.0
"""Seconds after which a pooled connection is replaced; a token lives for an hour at least."""
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError, TimeoutError,
        psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn,
        psycopg.errors.InsufficientPrivilege)
"""What a database that is away, stopping, no longer the writer or not migrated yet looks like; all of them pass."""
PERMANENT = ("22", "23", "54")
"""Classes of SQLSTATE that say that the values are wrong (22, 23) or exceed a limit (54), now and later
(https://www.postgresql.org/docs/current/errcodes-appendix.html).  A `DataError` of psycopg itself has no SQLSTATE."""


class Database:
    """One pool of connections to one server; with `writes` they may change things, once the server takes writes.

    `patience`: seconds to wait for a connection, `longest`: to wait for an answer, if not as long as for any other."""

    def __init__(self, hosts: Sequence[str], name: str, user: str, password: Password, *, writes: bool, size: int = 8,
                 patience: float = 3, longest: float | None = None):
        self._hosts, self._name, self._user, self._password, self._writes = hosts, name, user, password, writes
        self._longest = longest or (WRITING if writes else READING) + GRACE
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            kwargs=self._parameters, min_size=1, max_size=size, timeout=patience, max_lifetime=LIFETIME, max_idle=300,
            reconnect_timeout=4, open=False, name="writer" if writes else "reader")

    async def open(self) -> None:
        """Starts the pool without waiting: an app starts, and answers from its cache, while its database is away."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=2)

    async def run(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """`work` on a connection in autocommit mode; once more if the connection turned out dead.

        Raises Unavailable, and psycopg.Error for which `is_permanent` holds.
        """
        try:
            try:
                return await self._attempt(work)
            except (PoolTimeout, TimeoutError, psycopg.errors.QueryCanceled, psycopg.errors.ReadOnlySqlTransaction):
                raise  # these have waited long enough already, or another connection would tell the same
            except AWAY as error:
                if is_permanent(error):
                    raise
                await self._drop_dead()
            return await self._attempt(work)
        except AWAY as error:
            if is_permanent(error):
                raise
            raise Unavailable("the database") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction, for work that must not be tried twice by itself.  Raises Unavailable."""
        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
        except AWAY as error:
            await self._drop_dead()
            raise Unavailable("the database") from error

    async def _attempt(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        async with self._pool.connection() as connection:
            return await _within(self._longest, connection, work(connection))

    async def _drop_dead(self) -> None:
        """After one dead connection, the others of the pool are looked at before anyone gets them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._pool.check()

    async def _parameters(self) -> dict[str, Any]:
        return await parameters(self._hosts, self._name, self._user, self._password, writes=self._writes)


async def _within(longest: float, connection: Connection, work: Awaitable[Result]) -> Result:
    """The work's result; raises TimeoutError after `longest` seconds.  A server that is frozen takes every byte and
    answers none, not even a request to cancel, for which psycopg would wait another ten seconds
    (psycopg.AsyncConnection.wait): so the line is cut, and what waits on it ends at once."""
    working = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({working}, timeout=longest)
    finally:
        if not working.done():
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
            await asyncio.wait({working}, timeout=GRACE)
            working.cancelled() or working.exception()  # looked at, so that nobody misses it
    if not done:
        raise TimeoutError
    return working.result()


def is_permanent(error: BaseException) -> bool:
    """Whether the same statement with the same values will fail every time."""
    return isinstance(error, psycopg.DataError) or (
        isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] in PERMANENT)


async def parameters(hosts: Sequence[str], name: str, user: str, password: Password, *, writes: bool) -> dict[str, Any]:
    """What libpq connects with.  Writers connect to a standby, too: when it is promoted, their sessions write at once
    (https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-USERS)."""
    pairs = [host_and_port(host, 5432) for host in hosts]
    return {
        "host": ",".join(host for host, _ in pairs), "port": ",".join(str(port) for _, port in pairs),
        "dbname": name, "user": user, "password": await password(),
        "sslmode": "verify-full", "sslrootcert": ca_file(), "connect_timeout": 3, "autocommit": True,
        "application_name": "shipments",
        "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 8000,
        "options": f"-c statement_timeout={WRITING if writes else READING}s "
                   f"-c default_transaction_read_only={'off' if writes else 'on'}",
    }
