"""EPCIS 2.0's simple event query: the standard's common filters, checked, in any of their spellings.

Parameter names are those of the REST binding (https://ref.gs1.org/standards/epcis/2.0.0/, openapi.yaml, `GET /events`).
A value may be a list, separated by `|`; the parameters of one query must all hold.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from shipments.epcis.formats import moment
from shipments.epcis.problems import Problem, Refused, shown
from shipments.epcis.vocabulary import short_name

MOST_PER_PAGE = 100
MOST_VALUES = 100
"""Values that one filter may list, so that a query stays one that the indexes can answer."""

TIMES = {"GE_eventTime": "from_event_time", "LT_eventTime": "to_event_time",
         "GE_recordTime": "from_record_time", "LT_recordTime": "to_record_time"}
COLUMNS = {"eventType": "event_type", "EQ_action": "action",
           "EQ_bizStep": "biz_step", "bizStep": "biz_step",
           "EQ_disposition": "disposition", "disposition": "disposition",
           "EQ_readPoint": "read_point", "readPoint": "read_point",
           "EQ_bizLocation": "biz_location", "bizLocation": "biz_location",
           "EQ_eventID": "event_id", "eventID": "event_id"}
ROLES = {"MATCH_epc": ("epc", "child"), "epc": ("epc", "child"), "MATCH_parentID": ("parent",),
         "MATCH_inputEPC": ("input",), "MATCH_outputEPC": ("output",),
         "MATCH_anyEPC": ("epc", "child", "parent", "input", "output"),
         "MATCH_epcClass": ("epc-class", "child-class"),
         "MATCH_inputEPCClass": ("input-class",), "MATCH_outputEPCClass": ("output-class",),
         "MATCH_anyEPCClass": ("epc-class", "child-class", "input-class", "output-class")}
"""Parameter -> roles (for classes: quantity lists) in which the thing may be mentioned (EPCIS 2.0 section 8.2.7.1)."""

TRANSACTION = "EQ_bizTransaction_"


@dataclass(frozen=True)
class EventQuery:
    """Empty filters let everything pass.  Sorted by `order_by`, then by our own id, so that pages never overlap."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column -> values, one of which the event has."""
    terms: tuple[tuple[str, ...], ...] = ()
    """Groups of `<role>:<epc>` or `transaction:<type>=<id>`; of each group the event has one.
    `*` in an EPC pattern (`urn:epc:idpat:…`) stands for whatever comes from there on."""
    from_event_time: datetime | None = None
    to_event_time: datetime | None = None
    from_record_time: datetime | None = None
    to_record_time: datetime | None = None
    order_by: Literal["event_time", "record_time"] = "event_time"
    descending: bool = True
    per_page: int = 30
    page_token: str | None = None

    @classmethod
    def parse(cls, parameters: Iterable[tuple[str, str]]) -> "EventQuery":
        """From the query string's (name, value) pairs; raises Refused whose pointers are the parameters' names."""
        query, problems = cls(), []
        for name, value in parameters:
            try:
                query = _with(query, name, value)
            except ValueError as error:
                problems.append(Problem(f"/{name}", str(error)))
        if problems:
            raise Refused(problems)
        return query


def _with(query: EventQuery, name: str, value: str) -> EventQuery:
    if "\x00" in value:
        raise ValueError("holds U+0000, which no event holds")
    if name in TIMES:
        return replace(query, **{TIMES[name]: moment(value)})
    if name in COLUMNS:
        column = COLUMNS[name]
        given = tuple(map(short_name, _values(value)))
        earlier = query.columns.get(column)
        both = given if earlier is None else tuple(entry for entry in given if entry in earlier)
        return replace(query, columns={**query.columns, column: both})
    if name in ROLES:
        group = tuple(f"{role}:{epc}" for epc in _values(value) for role in ROLES[name])
        return replace(query, terms=(*query.terms, group))
    if name.startswith(TRANSACTION):
        kind = short_name(name.removeprefix(TRANSACTION))
        return replace(query, terms=(*query.terms, tuple(f"transaction:{kind}={entry}" for entry in _values(value))))
    if name in _PAGING:
        return replace(query, **_PAGING[name](value))
    raise ValueError(f"is not a query parameter that is known here; known are {', '.join(known_parameters())}")


def known_parameters() -> list[str]:
    """Every name that `EventQuery.parse` takes."""
    return [*TIMES, *COLUMNS, *ROLES, f"{TRANSACTION}<type>", *_PAGING]


def _values(text: str) -> list[str]:
    values = [value.strip() for value in text.split("|")]
    if not all(values):
        raise ValueError("has an empty value")
    if len(values) > MOST_VALUES:
        raise ValueError(f"lists {len(values)} values; at most {MOST_VALUES} are taken")
    return values


def _per_page(text: str) -> dict[str, Any]:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST_PER_PAGE):
        raise ValueError(f"must be a whole number from 1 to {MOST_PER_PAGE}, got {shown(text)}")
    return {"per_page": int(text)}


def _order_by(text: str) -> dict[str, Any]:
    if text not in ("eventTime", "recordTime"):
        raise ValueError(f"must be eventTime or recordTime, got {shown(text)}")
    return {"order_by": "event_time" if text == "eventTime" else "record_time"}


def _direction(text: str) -> dict[str, Any]:
    if text.upper() not in ("ASC", "DESC"):
        raise ValueError(f"must be ASC or DESC, got {shown(text)}")
    return {"descending": text.upper() == "DESC"}


_PAGING = {"perPage": _per_page, "orderBy": _order_by, "orderDirection": _direction,
           "nextPageToken": lambda text: {"page_token": text}}
