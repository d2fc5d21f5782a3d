"""One captured event: the JSON that is kept, and what queries and a shipment's state need of it."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from shipments.epcis.formats import moment
from shipments.epcis.vocabulary import short_name

STANDARD_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, STANDARD_CONTEXT)

LISTS = {"epcList": "epc", "childEPCs": "child", "inputEPCList": "input", "outputEPCList": "output"}
QUANTITIES = {"quantityList": "epc", "childQuantityList": "child",
              "inputQuantityList": "input", "outputQuantityList": "output"}


@dataclass(frozen=True)
class Thing:
    """What an event is about: one instance (`is_class` False) or a class of things with its quantity.

    `role` is epc, parent, child, input or output, after the list it stands in.
    """

    role: str
    epc: str
    is_class: bool = False
    quantity: float | None = None
    uom: str | None = None


@dataclass(frozen=True)
class Place:
    """Where: the fine read point and the business location, as URIs; "" when not told."""

    read_point: str
    biz_location: str


@dataclass(frozen=True)
class Event:
    """A checked event. `body` is its JSON as it came, plus `eventID` if it had none, plus `@context` if its document
    declared prefixes of its own; so it means the same wherever it is read."""

    body: dict[str, Any]

    @property
    def id(self) -> str:
        return self.body["eventID"]

    @property
    def type(self) -> str:
        return self.body["type"]

    @cached_property
    def time(self) -> datetime:
        """When it happened, in UTC."""
        return moment(self.body["eventTime"])

    @property
    def action(self) -> str:
        return self._text("action")

    @property
    def biz_step(self) -> str:
        """The CBV short name (`shipping`) or a URI; "" when not told."""
        return short_name(self._text("bizStep"))

    @property
    def disposition(self) -> str:
        return short_name(self._text("disposition"))

    @property
    def place(self) -> Place:
        return Place(*(_member(self.body.get(name), "id") for name in ("readPoint", "bizLocation")))

    @property
    def transactions(self) -> list[tuple[str, str]]:
        """(type as a short name or "", id) of each business transaction."""
        return [(short_name(entry.get("type", "")), entry["bizTransaction"])
                for entry in _list(self.body.get("bizTransactionList")) if _member(entry, "bizTransaction")]

    @property
    def is_error_declaration(self) -> bool:
        """True for the statement that an earlier event, often of the same id, was wrong (EPCIS 2.0 section 7.4.1.2)."""
        return "errorDeclaration" in self.body

    @cached_property
    def things(self) -> list[Thing]:
        return list(self._things())

    @cached_property
    def epcs(self) -> list[str]:
        """Every single thing it mentions, in any role, each once, in the order of the event."""
        return list(dict.fromkeys(thing.epc for thing in self.things if not thing.is_class))

    def _things(self) -> Iterator[Thing]:
        if parent := self._text("parentID"):
            yield Thing("parent", parent)
        for name, role in LISTS.items():
            yield from (Thing(role, epc) for epc in _list(self.body.get(name)) if isinstance(epc, str))
        for name, role in QUANTITIES.items():
            for entry in _list(self.body.get(name)):
                if epc_class := _member(entry, "epcClass"):
                    yield Thing(role, epc_class, True, entry.get("quantity"), entry.get("uom"))

    def _text(self, name: str) -> str:
        value = self.body.get(name, "")
        return value if isinstance(value, str) else ""


def made_id(body: dict[str, Any], position: int) -> str:
    """An id for an event that came without: the same event at the same place of the same document gets the same one.

    So a document that is sent again, or a message that is delivered twice, makes no second event.
    """
    canonical = json.dumps({**body, "recordTime": None}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, hashlib.sha256(f'{position}:{canonical}'.encode()).hexdigest())}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _member(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
