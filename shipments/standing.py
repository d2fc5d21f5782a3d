"""What operators decide about one service: the control document, its total order, and what each state means.

Pure: the apps read documents (`control.py`), operators write them (`failover/`), and both decide by these functions.
`control/<service>.json` in each region's blob account (architecture, section 4):

    {"service": "api", "epoch": 4, "activeRegion": "westus", "state": "failover", "region": "westus",
     "states": {"eastus": "fenced", "westus": "failover"}, "leaving": null, "reason": "…", "since": "…Z", "by": "…",
     "lineage": {"epoch": 4, "region": "westus"}, "queuesIn": {"eastus": "eastus", "westus": "westus"},
     "unprotectedSince": null}

`lineage`, `queuesIn` and `unprotectedSince` matter in the document of the service that applies commands (the worker).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Self, get_args

import orjson

State = Literal["active", "standby", "failover", "fenced"]
Mode = Literal["automatic", "manual"]
STATES: tuple[State, ...] = get_args(State)
LARGEST_EPOCH = (1 << 31) - 1


class Lineage(NamedTuple):
    """The forced promote that a database descends from; FIRST before there was one.  Totally ordered."""

    epoch: int
    region: str


FIRST = Lineage(0, "")


class Unreadable(ValueError):
    """A control document that is none; the text says what is wrong, never the whole content."""


@dataclass(frozen=True)
class Document:
    """One decision about one service, the same in both regions but for `state` and `region` in its JSON."""

    service: str
    epoch: int
    active_region: str
    states: Mapping[str, State]
    reason: str = ""
    since: str = ""
    by: str = ""
    lineage: Lineage = FIRST
    leaving: str | None = None
    """A region that the edge is to leave while it still reads and writes: its probe answers 503, nothing is refused."""
    queues_in: Mapping[str, str] = field(default_factory=dict)
    """Region -> region in which its queue account is now; its own one unless a storage failover moved it."""
    unprotected_since: str | None = None

    @property
    def order(self) -> tuple[int, str]:
        """Epochs are totally ordered: by number, then by region, so two operators cannot make one twice."""
        return self.epoch, self.active_region

    def state_of(self, region: str) -> State:
        """The region's state; one that the document does not name stands by, unless it is the active one."""
        return self.states.get(region) or ("active" if region == self.active_region else "standby")

    def queues_at_home(self, region: str) -> bool:
        """Whether the region's queue account is in its own region."""
        return self.queues_in.get(region, region) == region

    def encode(self, region: str) -> bytes:
        """The blob of one region."""
        return orjson.dumps({
            "service": self.service, "epoch": self.epoch, "activeRegion": self.active_region, "region": region,
            "state": self.state_of(region), "states": dict(self.states), "leaving": self.leaving,
            "reason": self.reason, "since": self.since, "by": self.by, "lineage": self.lineage._asdict(),
            "queuesIn": dict(self.queues_in), "unprotectedSince": self.unprotected_since}, option=orjson.OPT_INDENT_2)

    @classmethod
    def parse(cls, blob: bytes, service: str, region: str) -> Self:
        """Raises Unreadable.  What an older document leaves out has its first value."""
        try:
            told = orjson.loads(blob)
            lineage = told.get("lineage") or FIRST._asdict()
            states = dict(told.get("states") or {})
            if "state" in told:
                states[str(told.get("region") or region)] = told["state"]
            found = cls(service, _epoch(told["epoch"]), str(told["activeRegion"]), states,
                        str(told.get("reason") or ""),
                        str(told.get("since") or ""), str(told.get("by") or ""),
                        Lineage(_epoch(lineage["epoch"]), str(lineage["region"])), told.get("leaving") or None,
                        dict(told.get("queuesIn") or {}), told.get("unprotectedSince") or None)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"not a control document ({type(error).__name__}: {str(error)[:120]})") from None
        if wrong := {str(state)[:40] for state in states.values()} - set(STATES):
            raise Unreadable(f"unknown state {sorted(wrong)[0]!r}; known are {', '.join(STATES)}")
        return found

    def with_state(self, region: str, state: State) -> "Document":
        return replace(self, states={**self.states, region: state})


def initial(service: str, primary_region: str, peer_region: str) -> Document:
    """What holds before operators have decided anything: no blob is there."""
    return Document(service, 0, primary_region, {primary_region: "active", peer_region: "standby"})


def newest(*documents: Document | None) -> Document | None:
    """The one with the highest epoch; of equals the first."""
    return max((document for document in documents if document), key=lambda document: document.order, default=None)


def probe_ready(document: Document, region: str, *, primary_region: str, mode: Mode) -> bool:
    """Whether the region's probe answers 200, as far as the state decides (the table of section 4).

    `primary_region`: the region that the edge prefers, by configuration."""
    state = document.state_of(region)
    if document.leaving == region or state == "fenced":
        return False
    if state == "standby":
        return region != primary_region and mode == "automatic"
    return True


def may_write(document: Document, region: str, *, primary_region: str) -> bool:
    """Whether the region accepts writes: not when fenced, and not when it is preferred by the edge but stands by."""
    state = document.state_of(region)
    return state in ("active", "failover") or (state == "standby" and region != primary_region)


def _epoch(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_EPOCH:
        raise ValueError(f"epoch {str(value)[:20]!r} is not a number from 0 to {LARGEST_EPOCH}")
    return value
