"""What was seen of the platform at one moment: frozen, so that plans are pure functions of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from failover.platform import Platform
from shipments.standing import Document, Lineage, State, initial, newest

REPLICAS = ("AsyncReplica", "GeoAsyncReplica")
FRESH = 15.0
"""Seconds; a journal report is written every 5 s at least, so that an older one means that nobody walks."""
Kind = Literal["queues", "blobs", "static"]


@dataclass(frozen=True)
class Seen:
    """One control blob.  `etag` None: there is no blob.  `problem`: why what is there cannot be read."""

    document: Document | None = None
    etag: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class Journal:
    """A region's last report of its journal walk; `age` in seconds by that region's own storage clock."""

    walked_at: datetime
    age: float
    entries: int
    unconfirmed: int
    oldest: datetime | None
    writes_here: bool
    lineage: Lineage
    epoch: int
    peer_seen: bool
    build: str = ""
    earlier: int | None = 0
    """Entries accepted in an earlier epoch; None while entries may be unseen, and `oldest` with it."""

    @property
    def fresh(self) -> bool:
        return self.age <= FRESH


@dataclass(frozen=True)
class Server:
    """PostgreSQL in one region, as Resource Manager tells it; role "Missing" when it does not exist."""

    role: str
    state: str = "Ready"
    replication: str = ""

    @property
    def writes(self) -> bool:
        return self.role in ("Primary", "None")

    @property
    def replicates(self) -> bool:
        return self.role in REPLICAS and self.replication in ("Active", "Catchup", "")


@dataclass(frozen=True)
class Account:
    """A storage account; `region` is where it is written now."""

    name: str
    kind: Kind
    home: str
    region: str
    sku: str
    last_sync: datetime | None = None
    can_fail_over: bool | None = None
    can_fail_over_planned: bool | None = None
    geo_status: str = ""
    moving: bool = False

    @property
    def geo_redundant(self) -> bool:
        return "G" in self.sku.removeprefix("Standard_")


@dataclass(frozen=True)
class RegionView:
    """One region.  `reachable`: its control container answered; `why` says why not; `skew`: seconds that its storage
    clock is ahead of this machine's."""

    name: str
    reachable: bool
    why: str = ""
    skew: float | None = None
    controls: Mapping[str, Seen] = field(default_factory=dict)
    journal: Journal | None = None
    server: Server | None = None
    accounts: tuple[Account, ...] = ()
    capacity: int | None = None
    sites: Mapping[str, str] = field(default_factory=dict)
    origin: bool | None = None
    """Whether the edge may use the region's origin of static content; None when that was not looked at."""


@dataclass(frozen=True)
class Served:
    """Who answered for a service through the edge: regions in the order of the requests, and the last status."""

    regions: tuple[str, ...] = ()
    status: int | None = None

    @property
    def region(self) -> str | None:
        """The one region that answered all requests."""
        return self.regions[0] if len(set(self.regions)) == 1 else None

    @property
    def answers(self) -> bool:
        return self.status is not None and self.status < 500


@dataclass(frozen=True)
class Observation:
    """`at` is the time by the regions' own clocks; `problems` are what could not be looked at and why."""

    at: datetime
    platform: Platform
    regions: Mapping[str, RegionView]
    edge: Mapping[str, Served] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    last_drill: datetime | None = None

    def view(self, region: str) -> RegionView:
        return self.regions[region]

    @property
    def reachable(self) -> tuple[str, ...]:
        return tuple(name for name, view in self.regions.items() if view.reachable)

    def document(self, service: str) -> Document:
        """The newest of both regions; what holds initially when there is none."""
        found = newest(*(self.seen(service, region).document for region in self.regions))
        primary = self.platform.services[service].primary
        return found or initial(service, primary, self.platform.peer(primary))

    def seen(self, service: str, region: str) -> Seen:
        return self.view(region).controls.get(service, Seen())

    def readable(self, service: str) -> bool:
        """Whether its state is known: a document was read, or there is none and nothing hides one."""
        seen = [self.seen(service, region) for region in self.reachable]
        return any(one.document for one in seen) or not any(one.problem for one in seen)

    def behind(self, service: str) -> tuple[str, ...]:
        """Reachable regions that hold an older document, or none, or an unreadable one."""
        now = self.document(service)
        return tuple(region for region in self.reachable if now.epoch > 0 and (
            (held := self.seen(service, region).document) is None or held.encode(region) != now.encode(region)))

    @property
    def writer(self) -> Document:
        return self.document(self.platform.writer)

    @property
    def top(self) -> int:
        """The highest epoch that anybody told of; a new decision is above it."""
        documents = (self.document(service).epoch for service in self.platform.services)
        reports = (view.journal.epoch for view in self.regions.values() if view.journal)
        return max(*documents, *reports, 0)

    @property
    def skew(self) -> float:
        """Seconds by which clocks differ at most: of the regions, and of this machine."""
        known = [0.0, *(view.skew for view in self.regions.values() if view.skew is not None)]
        return max(known) - min(known)

    def lineage_of(self, region: str) -> Lineage | None:
        """Of the region's own database; None when it is not known."""
        journal = self.view(region).journal
        return journal.lineage if journal else None

    def on_lineage(self, region: str) -> bool:
        """Whether the region's database is known to descend from the last forced promote.  Without a report, a replica
        is believed only while the platform is protected: then every database was rebuilt since."""
        if (lineage := self.lineage_of(region)) is not None:
            return lineage == self.writer.lineage
        server = self.view(region).server
        return self.writer.unprotected_since is None and server is not None and server.role in REPLICAS

    def with_region(self, region: str, **changes: object) -> "Observation":
        return replace(self, regions={**self.regions, region: replace(self.view(region), **changes)})  # type: ignore[arg-type]

    def with_documents(self, documents: tuple[Document, ...], regions: tuple[str, ...]) -> "Observation":
        """As if they had been written into those regions."""
        found = self
        for region in regions:
            written = {document.service: Seen(document, "written") for document in documents}
            found = found.with_region(region, controls={**found.view(region).controls, **written})
        return found


LEADING = ("active", "failover")


def sound(document: Document, regions: Iterable[str]) -> bool:
    """Exactly one region leads, it is the one that the document names, and nothing is under way."""
    leading = [region for region in regions if document.state_of(region) in LEADING]
    return leading == [document.active_region] and document.leaving is None


def leading_state(platform: Platform, service: str, region: str) -> State:
    """The state of the region where the service runs: `failover` while configuration prefers the other one."""
    return "active" if platform.services[service].primary == region else "failover"


def moment(text: str | None) -> datetime | None:
    """An ISO time; without a zone it is UTC.  None for what is none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def iso(at: datetime) -> str:
    """To the millisecond, in UTC, with Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
