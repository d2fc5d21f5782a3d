"""A region's database as the journal sees it: which lineage it is of, and which commands it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from shipments import apply
from shipments.apply import Effects
from shipments.commands import Command
from shipments.database import Connection, Database
from shipments.errors import Refusal
from shipments.standing import FIRST, Lineage

LOOK = """
select pg_is_in_recovery(), newest.epoch, newest.region,
       array(select id::text from applied_commands where id = any(%(ids)s::uuid[]))
from (values (true)) always left join lateral (
    select epoch, region from lineage order by epoch desc, region desc limit 1) newest on true
"""
BEGIN = "insert into lineage (epoch, region) values (%s, %s) on conflict do nothing"


@dataclass(frozen=True)
class Look:
    """What one database says, all of it at one instant."""

    in_recovery: bool
    lineage: Lineage
    held: frozenset[str] = frozenset()
    """Those of the ids asked for that it holds, applied or refused."""


class Holding(Protocol):
    """A database that can be asked; raises Unavailable."""

    async def look(self, ids: Sequence[str] = ()) -> Look: ...


class Writing(Holding, Protocol):
    """One that commands are applied in.  Each method raises Unavailable, and `apply.Stale` before it changes anything
    when the database's newest lineage is another one."""

    async def begin(self, lineage: Lineage) -> None: ...

    async def apply(self, command: Command, made: Effects, lineage: Lineage) -> list[str]: ...

    async def refuse(self, command: Command, refusal: Refusal, lineage: Lineage) -> None: ...


class Ledger:
    """The real one, over the pools of one server; without a `writer`, only to be asked."""

    def __init__(self, reader: Database, writer: Database | None = None):
        self._reader, self._writer = reader, writer or reader

    async def look(self, ids: Sequence[str] = ()) -> Look:
        return await self._reader.run(partial(look, ids))

    async def begin(self, lineage: Lineage) -> None:
        """The database's own history starts here."""
        await self._writer.run(lambda connection: connection.execute(BEGIN, tuple(lineage)))

    async def apply(self, command: Command, made: Effects, lineage: Lineage) -> list[str]:
        return await self._writer.run(partial(apply.apply, command, made, lineage))

    async def refuse(self, command: Command, refusal: Refusal, lineage: Lineage) -> None:
        await self._writer.run(partial(apply.refuse, command, refusal, lineage))


async def look(ids: Sequence[str], connection: Connection) -> Look:
    """One statement, so that lineage and holding belong together."""
    row = await (await connection.execute(LOOK, {"ids": list(ids)})).fetchone()
    assert row is not None, "the statement always gives a row"
    in_recovery, epoch, region, held = row
    return Look(in_recovery, FIRST if epoch is None else Lineage(epoch, region), frozenset(held))
