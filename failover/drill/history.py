"""The record of one drill: every attempt, mark, sample and finding as one JSON line, in the order in which it ended.

    {"is": "attempt", "op": "…", "kind": "comment", "start": 1790000000.1, "end": 1790000000.2, "status": 202, …}

Times are seconds of the Unix epoch, by the clock of the machine that drills.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import orjson

READS = frozenset({"track", "events", "page", "static", "state"})
WRITES = frozenset({"register", "comment", "capture", "large", "photo"})
"""`large`: a capture whose body takes seconds to send, so it counts for loss and not for times."""
SERVICE = {"page": "web", "static": "static"}
"""Service that answers a kind of request; `api` for all others."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was sent, whatever came of it.  `op` is the same for the attempts of one intention."""

    op: str
    kind: str
    start: float
    end: float
    status: int | None = None
    error: str = ""
    """`timeout`, `connection`, or `` when there was an answer."""
    door: str = "edge"
    """`edge`, or the region whose own door was used."""
    region: str = ""
    """Who answered, as far as the answer says."""
    number: int = 1
    durability: str = ""
    command: str = ""
    shipment: str = ""
    version: int | None = None
    """Entries of the shipment's timeline that a reader saw; it only ever grows."""
    epoch: int | None = None
    note: str = ""

    @property
    def outcome(self) -> Literal["ok", "refused", "timeout", "connection"]:
        """A tracked shipment that is not known (404) is an answer: what it means, the versions seen before tell."""
        if self.status is None:
            return "timeout" if self.error == "timeout" else "connection"
        answered = self.status < 400 or (self.kind == "track" and self.status == 404)
        return "ok" if answered else "refused"

    @property
    def service(self) -> str:
        return SERVICE.get(self.kind, "api")

    @property
    def acknowledged(self) -> bool:
        return self.kind in WRITES and bool(self.command) and self.outcome == "ok"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the drill did, or saw come true."""

    at: float
    what: Literal["load", "fault", "verb", "done", "heal", "wait", "check", "end"]
    text: str
    took: float = 0.0
    """Seconds that it took, where it is over."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the platform said of itself: region -> service -> state, and figures by region."""

    at: float
    states: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """"" for what does not answer."""
    epoch: Mapping[str, int] = field(default_factory=dict)
    """Region -> the newest epoch that its API knows."""
    serving: Mapping[str, str] = field(default_factory=dict)
    """Service -> region that answered through the edge."""
    queues: Mapping[str, int] = field(default_factory=dict)
    journal: Mapping[str, int] = field(default_factory=dict)
    lag: Mapping[str, float] = field(default_factory=dict)
    """Seconds by key: `<region> walk` is the age of the oldest command that the region does not know to be in both
    databases, `<region> sync` that of its blob account's Last Sync Time."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the platform shows of one command at the end."""

    command: str
    kind: str
    status: str
    """`applied`, `refused`, `accepted` (not applied yet) or `unknown`."""
    effects: int
    """How many times its effect is visible."""
    applied_at: float | None = None


Record = Attempt | Mark | Sample | Found
_NAMES = {"attempt": Attempt, "mark": Mark, "sample": Sample, "found": Found}
_TAGS = {kind: name for name, kind in _NAMES.items()}


class History:
    """What happened in one run, in memory and, line by line, in a file: a drill that is killed leaves its record."""

    def __init__(self, path: Path | None = None, records: Iterable[Record] = ()):
        self.records: list[Record] = list(records)
        self._file = path.open("ab", buffering=0) if path else None

    def add(self, record: Record) -> None:
        self.records.append(record)
        if self._file:
            self._file.write(orjson.dumps({"is": _TAGS[type(record)], **asdict(record)}) + b"\n")

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """A record from its file; a last line that was cut off by a kill is left out."""
        lines = path.read_bytes().split(b"\n")[:-1]
        return cls(records=[_record(orjson.loads(line)) for line in lines])

    @property
    def attempts(self) -> list[Attempt]:
        return [record for record in self.records if isinstance(record, Attempt)]

    @property
    def marks(self) -> list[Mark]:
        return [record for record in self.records if isinstance(record, Mark)]

    @property
    def samples(self) -> list[Sample]:
        return [record for record in self.records if isinstance(record, Sample)]

    @property
    def found(self) -> dict[str, Found]:
        """The newest finding of each command."""
        return {record.command: record for record in self.records if isinstance(record, Found)}


def _record(line: dict[str, Any]) -> Record:
    return _NAMES[line.pop("is")](**line)
