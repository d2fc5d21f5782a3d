"""What a plan is made of.  A step says what shall be so, not what to call: done twice, it changes nothing more.

`seconds` is what it takes on Azure by Microsoft's own figures where they give one, else by experience; `limit` is
when the executor gives up waiting.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from failover.observation import Kind
from shipments.standing import Document, Lineage

VALIDITY = 3.0
"""Seconds for which an app trusts its view of the peer's control document (architecture, section 3, rule 2)."""


@dataclass(frozen=True)
class Step:
    """`name` is stable, for machines; `title` is for people."""

    name: ClassVar[str] = ""
    seconds: ClassVar[float] = 1
    limit: ClassVar[float] = 60
    destructive: ClassVar[bool] = False
    at_once: ClassVar[bool] = False

    @property
    def title(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Decide(Step):
    """Write these documents into these regions, each under the condition that nobody else wrote it meanwhile."""

    name = "decide"
    documents: tuple[Document, ...]
    regions: tuple[str, ...]

    @property
    def title(self) -> str:
        first = self.documents[0]
        names = ", ".join(document.service for document in self.documents)
        drained = f", and the edge leaves {first.leaving}" if first.leaving else ""
        states = " and ".join(f"{region} {first.state_of(region)}" for region in sorted(first.states))
        return f"write epoch {first.epoch} of {names} into {' and '.join(self.regions)}: {states}{drained}"


@dataclass(frozen=True)
class AwaitValidity(Step):
    """Until no app can still trust a view of the peer from before the new epoch."""

    name = "await-validity"
    seconds = VALIDITY + 0.2

    @property
    def title(self) -> str:
        return f"wait {VALIDITY:.0f} s, as long as an app may trust its last view of the other region"


@dataclass(frozen=True)
class EdgeLeads(Step):
    """Until the edge sends these services' requests to the region, several times in a row."""

    name = "edge-leads"
    limit = 180
    services: tuple[str, ...]
    region: str
    window: float

    @property
    def seconds(self) -> float:  # type: ignore[override]
        return self.window

    @property
    def title(self) -> str:
        return f"see the edge serve {', '.join(self.services)} from {self.region}"


@dataclass(frozen=True)
class Promote(Step):
    """The region's replica becomes the primary and the other server its replica
    (https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-read-replicas-promote)."""

    name = "promote"
    limit = 1800
    region: str
    forced: bool

    @property
    def seconds(self) -> float:  # type: ignore[override]
        return 60 if self.forced else 120

    @property
    def destructive(self) -> bool:  # type: ignore[override]
        return self.forced

    @property
    def title(self) -> str:
        how = "by force, without waiting for what was not streamed" if self.forced else "when all is streamed"
        return f"promote PostgreSQL in {self.region} {how}"


@dataclass(frozen=True)
class Applies(Step):
    """Until the region's journal report says that its own database, on this lineage, takes the commands."""

    name = "applies"
    seconds = 6
    limit = 180
    region: str
    lineage: Lineage

    @property
    def title(self) -> str:
        return f"see the worker in {self.region} apply commands on lineage {shown(self.lineage)}"


@dataclass(frozen=True)
class ScaleUp(Step):
    """The App Service plan gets as many instances as the leading region has, if it has fewer."""

    name = "scale-up"
    seconds = 30
    region: str
    instances: int
    at_once: bool = field(default=False, kw_only=True)  # type: ignore[misc]
    """The next steps do not wait for it, nor do they fail with it."""

    @property
    def title(self) -> str:
        return f"have at least {self.instances} instances in {self.region}"


@dataclass(frozen=True)
class Rebuild(Step):
    """The region's server streams from the writer's; one that cannot be made to is deleted and made anew."""

    name = "rebuild"
    seconds = 1200
    limit = 7200
    destructive = True
    region: str
    source: str

    @property
    def title(self) -> str:
        return f"make PostgreSQL in {self.region} a replica of {self.source}; what only {self.region} holds goes"


@dataclass(frozen=True)
class GeoRedundant(Step):
    """The account copies itself to its paired region again
    (https://learn.microsoft.com/azure/storage/common/redundancy-migration)."""

    name = "geo-redundant"
    seconds = 900
    limit = 7200
    account: str
    kind: Kind
    home: str
    sku: str

    @property
    def title(self) -> str:
        return f"make {self.account} {self.sku} again, and see its copy live"


@dataclass(frozen=True)
class MoveAccount(Step):
    """Storage account failover: planned swaps the roles and loses nothing; unplanned gives up what was not copied
    (https://learn.microsoft.com/azure/storage/common/storage-failover-customer-managed-unplanned)."""

    name = "move-account"
    seconds = 3600
    limit = 7200
    account: str
    kind: Kind
    home: str
    to: str
    planned: bool

    @property
    def destructive(self) -> bool:  # type: ignore[override]
        return not self.planned

    @property
    def title(self) -> str:
        how = "with both copies equal" if self.planned else "giving up what was not copied"
        return f"move {self.kind} account {self.account} to {self.to}, {how}"


@dataclass(frozen=True)
class Confirm(Step):
    """Until each region's journal holds nothing that was accepted before this step began: both databases have it."""

    name = "confirm"
    seconds = 15
    limit = 1800
    lineage: Lineage

    @property
    def title(self) -> str:
        return f"see every journal entry confirmed in both databases on lineage {shown(self.lineage)}"


@dataclass(frozen=True)
class SwapPrimary(Step):
    """The stack's configuration follows: the leading region becomes `primary`, which the edge prefers, and the other
    one stands by.  `overrides`: service -> region, for those that run elsewhere than the database."""

    name = "swap-primary"
    seconds = 600
    limit = 3600
    primary: str
    overrides: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        others = "".join(f", {service} in {region}" for service, region in self.overrides.items())
        return f"have the stack's configuration prefer {self.primary}{others} (pulumi up)"


@dataclass(frozen=True)
class Origin(Step):
    """Front Door may use the region's origin of static content, or not: a change of the edge's configuration, which
    takes minutes (https://learn.microsoft.com/azure/frontdoor/front-door-faq#how-long-does-it-take)."""

    name = "origin"
    seconds = 600
    limit = 3600
    service: str
    region: str
    enabled: bool

    @property
    def title(self) -> str:
        return f"{'enable' if self.enabled else 'disable'} the edge's origin of {self.service} in {self.region}"


def shown(lineage: Lineage) -> str:
    return f"{lineage.epoch}/{lineage.region}" if lineage.epoch else "of the first server"
