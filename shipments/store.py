"""Reading what was applied, from the region's own server.  Every function runs one statement on a connection."""

import base64
import binascii
import re
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg.rows import class_row, dict_row

from shipments.database import Connection
from shipments.epcis.problems import Problem, Refused
from shipments.eventquery import EventQuery
from shipments.models import CaptureError, CaptureJob, CaptureJobPage, CommandResult, EventPage, Finding, Shipment
from shipments.state import ShipmentEvent, fold

SHIPMENT = """
select key::text, kind, time, record_time, data from shipment_events
where name = any(array(select %(name)s union all
                       select unnest(aliases) from shipment_events where name = %(name)s and aliases is not null))
"""
UNKNOWN = b"-"
RESULT = "select kind, accepted_at, applied_at, outcome, shipment, errors from applied_commands where id = %s"


async def shipment(name: str, connection: Connection) -> Shipment | None:
    """Folded from its own events, found by index: the number of other events does not matter."""
    async with connection.cursor(row_factory=class_row(ShipmentEvent)) as cursor:
        await cursor.execute(SHIPMENT, {"name": name})
        return fold(name, await cursor.fetchall())


async def shipment_json(name: str, connection: Connection) -> bytes:
    """As it is served and cached; UNKNOWN for one that nothing was heard of."""
    found = await shipment(name, connection)
    return found.model_dump_json(by_alias=True, exclude_none=True).encode() if found else UNKNOWN


async def latest_changed(count: int, connection: Connection) -> list[str]:
    """Shipments that something happened to last, by what their subscribers were told."""
    rows = await connection.execute("select shipment from notifications order by created_at desc limit %s", (count,))
    return list(dict.fromkeys(shipment for (shipment,) in await rows.fetchall()))


async def result(command_id: str, connection: Connection) -> CommandResult | None:
    """What became of a command; None while it is not applied."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(RESULT, (command_id,))
        row = await cursor.fetchone()
    if row is None:
        return None
    return CommandResult(id=command_id, status=row["outcome"], kind=row["kind"], accepted_at=row["accepted_at"],
                         applied_at=row["applied_at"], shipment=row["shipment"],
                         errors=[Finding(**error) for error in row["errors"]])


def capture_job(result: CommandResult) -> CaptureJob:
    """A capture command's result in the standard's shape."""
    running = result.status == "accepted"
    errors = [CaptureError(title=finding.reason, pointer=finding.pointer) for finding in result.errors]
    return CaptureJob(captureID=result.id, createdAt=result.accepted_at,
                      finishedAt=None if running else result.applied_at, running=running,
                      success=result.status != "refused", errors=errors)


async def capture_jobs(per_page: int, page_token: str | None, connection: Connection) -> CaptureJobPage:
    """Finished ones, newest first."""
    after = _after(page_token, "captures")
    sql = (f"select id::text, kind, accepted_at, applied_at, outcome, shipment, errors from applied_commands "
           f"where kind = 'capture-events' {'and (applied_at, id) < (%(at)s, %(key)s)' if after else ''} "
           "order by applied_at desc, id desc limit %(limit)s")
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql, {**after, "limit": per_page + 1})
        rows = await cursor.fetchall()
    more = len(rows) > per_page
    jobs = [capture_job(CommandResult(status=row.pop("outcome"), **row)) for row in rows[:per_page]]
    last = rows[per_page - 1] if more else None
    return CaptureJobPage(jobs, _token("captures", last["applied_at"], last["id"]) if last else None)


async def events(query: EventQuery, connection: Connection) -> EventPage:
    """One page; the token leads on from its last event, so pages stay right while events arrive."""
    sql, values = statement(query)
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql, values)
        rows = await cursor.fetchall()
    page, more = rows[:query.per_page], len(rows) > query.per_page
    token = _token(query.order_by, page[-1][query.order_by], page[-1]["key"]) if more else None
    return EventPage([_document(row) for row in page], token)


def statement(query: EventQuery) -> tuple[str, dict[str, Any]]:
    """The query as SQL and its values.

    Filters by exact term come first, in a part of their own: they choose few events, and the planner must not walk the
    index of times instead, in the hope of finding a page's worth early.  With patterns, that is what it should do.
    """
    values: dict[str, Any] = {"limit": query.per_page + 1, **_after(query.page_token, query.order_by)}
    exact, conditions = _terms(query, values)
    for column, given in query.columns.items():
        values[column] = list(given)
        conditions.append(f"{column} = any(%({column})s)")
    for name, operator in (("from_event_time", ">="), ("to_event_time", "<"), ("from_record_time", ">="),
                           ("to_record_time", "<")):
        if (moment := getattr(query, name)) is not None:
            values[name] = moment
            conditions.append(f"{name.split('_', 1)[1]} {operator} %({name})s")
    direction, before = ("desc", "<") if query.descending else ("asc", ">")
    if "key" in values:
        conditions.append(f"({query.order_by}, key) {before} (%(at)s, %(key)s)")
    where = f"where {' and '.join(conditions)} " if conditions else ""
    chosen, table = "", "epcis_events"
    if exact:
        chosen = f"with chosen as materialized (select * from epcis_events where {' and '.join(exact)}) "
        table = "chosen"
    return (f"{chosen}select key::text, event_time, record_time, document from {table} {where}"
            f"order by {query.order_by} {direction}, key {direction} limit %(limit)s"), values


def _terms(query: EventQuery, values: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Conditions of the groups that are exact, and of those with a pattern among them."""
    exact, patterns = [], []
    for place, group in enumerate(query.terms):
        values[f"terms{place}"] = [term for term in group if "*" not in term]
        condition = f"terms && %(terms{place})s"
        if likes := [_like(form) for term in group if "*" in term for form in _forms(term)]:
            values[f"likes{place}"] = likes
            patterns.append(f"({condition} or exists (select from unnest(terms) as term "
                            f"where term like any(%(likes{place})s)))")
        else:
            exact.append(condition)
    return exact, patterns


def _forms(pattern: str) -> set[str]:
    """A pure identity pattern matches instances, which have `id` where it has `idpat` (EPCIS 2.0 section 8.2.7.1.1)."""
    return {pattern, pattern.replace(":idpat:", ":id:")}


def _like(pattern: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", pattern.split("*", 1)[0]) + "%"


def _document(row: dict[str, Any]) -> dict[str, Any]:
    recorded = row["record_time"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**row["document"], "recordTime": recorded}


def _token(order: str, at: datetime, key: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([order, at.isoformat(), key])).rstrip(b"=").decode()


def _after(token: str | None, order: str) -> dict[str, Any]:
    """The place that a page token stands for; raises Refused for one that was not made for this order."""
    if token is None:
        return {}
    try:
        made_for, at, key = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if made_for == order:
            return {"at": datetime.fromisoformat(at), "key": UUID(key)}
    except (binascii.Error, ValueError, TypeError, AttributeError):
        pass
    raise Refused([Problem("/nextPageToken", "is not a token of this query; start again without one")])
