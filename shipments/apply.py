"""Applying a command: its effects as plain rows, then all of them in one statement: one transaction, one round trip.

A command whose id is in `applied_commands` already changes nothing, whoever applies it and however often.
"""

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from shipments.commands import AddComment, CaptureEvents, Command, RegisterShipment
from shipments.epcis import Event, Refused, parse
from shipments.errors import Refusal, Unavailable
from shipments.ids import shipment_of_epc
from shipments.models import Status
from shipments.settings import NOTIFICATIONS, PHOTO_TASKS, STATISTICS
from shipments.standing import FIRST, Lineage
from shipments.state import status_of

Row = dict[str, Any]


@dataclass
class Effects:
    """The rows that a command adds."""

    shipment: str | None = None
    timeline: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)

    def happened(self, names: list[str], key: str, kind: str, time: str, data: Row, status: Status | None) -> None:
        """Something happened to the shipment of these names, and its subscribers are to hear of it."""
        for name in names:
            aliases = [other for other in names if other != name] if kind == "registered" else []
            self.timeline.append({"name": name, "key": key, "kind": kind, "time": time, "data": data,
                                  "aliases": aliases or None})
        told = {"shipment": names[0], "key": key, "kind": kind, "status": status, "time": time,
                "text": data.get("text")}
        self.outbox.append({"subscriber": NOTIFICATIONS, "payload": told})
        if status:
            self.outbox.append({"subscriber": STATISTICS, "payload": told})
        if data.get("photo"):
            self.outbox.append({"subscriber": PHOTO_TASKS, "payload": {**told, "blob": data["photo"]}})


IN_FORCE = """
with newest as (
    select epoch, region from lineage order by epoch desc, region desc limit 1
), in_force as (
    select from (values (true)) always left join newest on true
    where coalesce(newest.epoch, %(first_epoch)s) = %(lineage_epoch)s
      and coalesce(newest.region, %(first_region)s) = %(lineage_region)s
)"""

APPLY = IN_FORCE + """, applied as (
    insert into applied_commands (id, kind, epoch, region, accepted_at, digest, outcome, shipment)
    select %(id)s::uuid, %(kind)s, %(epoch)s, %(region)s, %(accepted_at)s, %(digest)s, 'applied', %(shipment)s
    from in_force
    on conflict (id) do nothing returning id
), timeline as (
    insert into shipment_events (name, key, kind, time, aliases, data)
    select row.name, row.key, row.kind, row.time, row.aliases, row.data
    from jsonb_to_recordset(%(timeline)s)
        as row(name text, key uuid, kind text, time timestamptz, aliases text[], data jsonb), applied
    order by row.name, row.key
    on conflict (name, key) do nothing
), told as (
    insert into outbox (subscriber, payload)
    select row.subscriber, row.payload
    from jsonb_to_recordset(%(outbox)s) as row(subscriber text, payload jsonb), applied
){events}
select array(select unnest(aliases) from shipment_events where name = any(%(names)s) and aliases is not null),
       (select digest from applied_commands where id = %(id)s and outcome = 'applied'),
       exists (select from in_force)
"""

CAPTURE = """, captured as (
    insert into epcis_events (key, event_id, capture_id, event_type, event_time, action, biz_step, disposition,
                              read_point, biz_location, terms, document)
    select row.key, row.event_id, applied.id, row.event_type, row.event_time, row.action, row.biz_step, row.disposition,
           row.read_point, row.biz_location, row.terms, row.document
    from jsonb_to_recordset(%(events)s)
        as row(key uuid, event_id text, event_type text, event_time timestamptz, action text, biz_step text,
               disposition text, read_point text, biz_location text, terms text[], document jsonb), applied
    order by row.key
    on conflict (key) do nothing
)"""

APPLY_CAPTURE, APPLY_OTHER = APPLY.format(events=CAPTURE), APPLY.format(events="")

REFUSE = IN_FORCE + """, refused as (
    insert into applied_commands (id, kind, epoch, region, accepted_at, digest, outcome, errors)
    select %(id)s::uuid, %(kind)s, %(epoch)s, %(region)s, %(accepted_at)s, %(digest)s, 'refused', %(errors)s
    from in_force
    on conflict (id) do nothing
)
select exists (select from in_force)
"""


class Stale(Unavailable):
    """The database is not of the lineage in force: what it was given changed nothing."""

    def __init__(self, lineage: Lineage):
        super().__init__(f"a database of lineage {lineage.epoch} {lineage.region}".rstrip())


def effects(command: Command) -> Effects:
    """What the command adds; raises Refusal when its body does not hold."""
    body = command.content()
    if isinstance(body, CaptureEvents):
        return _capture(body)
    made, body = Effects(), body.named(command.id)
    data = body.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"kind", "shipment"})
    at = command.accepted_at.isoformat()
    if isinstance(body, RegisterShipment):
        made.shipment = body.names[0]
        made.happened(body.names, command.id, "registered", at, data, Status.REGISTERED)
    elif isinstance(body, AddComment):
        made.shipment = body.shipment
        made.happened([body.shipment], command.id, "comment", at, data, None)
    return made


async def apply(command: Command, made: Effects, lineage: Lineage, connection: AsyncConnection[Any]) -> list[str]:
    """Applies its effects, on a connection in autocommit mode -> names of the shipments whose state may have changed.

    Raises Refusal when another command had its id, Stale when the database is of another lineage (the same statement
    looks), psycopg's errors when the database cannot now.
    """
    names = sorted({row["name"] for row in made.timeline})
    values = _header(command, lineage) | {
        "shipment": made.shipment, "timeline": _json(made.timeline), "outbox": _json(made.outbox), "names": names}
    if made.events:
        values["events"] = _json(made.events)
    cursor = await connection.execute(APPLY_CAPTURE if made.events else APPLY_OTHER, values)
    aliases, earlier, in_force = await cursor.fetchone() or ((), None, False)
    if not in_force:
        raise Stale(lineage)
    if earlier not in (None, values["digest"]):
        raise Refusal(f"id {command.id} was given to another command before, which is applied; "
                      "use an Idempotency-Key for one request only")
    return [*names, *aliases]


async def refuse(command: Command, refusal: Refusal, lineage: Lineage, connection: AsyncConnection[Any]) -> None:
    """Keeps why a command was refused, for whoever asks what became of it.  Raises Stale."""
    errors = [{name: text.replace("\x00", "\N{REPLACEMENT CHARACTER}") for name, text in problem.as_json().items()}
              for problem in refusal.problems]  # a pointer quotes the body, and `jsonb` holds no U+0000
    cursor = await connection.execute(REFUSE, _header(command, lineage) | {"errors": _json(errors)})
    if await cursor.fetchone() != (True,):
        raise Stale(lineage)


def _header(command: Command, lineage: Lineage) -> Row:
    return {"first_epoch": FIRST.epoch, "first_region": FIRST.region,
            "lineage_epoch": lineage.epoch, "lineage_region": lineage.region,
            "id": command.id, "kind": command.kind, "epoch": command.epoch, "region": command.region,
            "accepted_at": command.accepted_at, "digest": command.digest}


def _json(value: Any) -> Jsonb:
    return Jsonb(value, dumps=orjson.dumps)


def _capture(body: CaptureEvents) -> Effects:
    try:
        events = parse(body.document)
    except Refused as refused:
        raise Refusal(str(refused), refused.problems) from None
    made = Effects()
    for event in events:
        key = _digest(event)
        made.events.append(_event_row(event, key))
        data = _observation(event)
        names = dict.fromkeys(filter(None, map(shipment_of_epc, event.epcs)))
        for name in names:
            made.happened([name], key, "observed", event.time.isoformat(), data, status_of(data))
    return made


def _digest(event: Event) -> str:
    said = {name: value for name, value in event.body.items() if name != "recordTime"}
    return str(uuid.UUID(bytes=hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()[:16]))


def _event_row(event: Event, key: str) -> Row:
    things = {f"{thing.role}{'-class' if thing.is_class else ''}:{thing.epc}" for thing in event.things}
    transactions = {f"transaction:{kind}={number}" for kind, number in event.transactions}
    return {"key": key, "event_id": event.id, "event_type": event.type, "event_time": event.time.isoformat(),
            "action": event.action or None, "biz_step": event.biz_step or None,
            "disposition": event.disposition or None, "read_point": event.place.read_point or None,
            "biz_location": event.place.biz_location or None,
            "terms": sorted(things | transactions), "document": event.body}


def _observation(event: Event) -> Row:
    """What a shipment's timeline keeps of an event."""
    told = {"eventID": event.id, "type": event.type, "action": event.action, "bizStep": event.biz_step,
            "disposition": event.disposition, "readPoint": event.place.read_point,
            "bizLocation": event.place.biz_location, "declaresError": event.is_error_declaration}
    return {name: value for name, value in told.items() if value}
