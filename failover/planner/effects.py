"""What is so after a step, as far as a plan may count on it: to compose plans, to show the end, and to check them."""

from dataclasses import replace
from functools import singledispatch

from failover.observation import Observation, Served, Server
from failover.steps import (
    Applies,
    Confirm,
    Decide,
    EdgeLeads,
    GeoRedundant,
    MoveAccount,
    Origin,
    Promote,
    Rebuild,
    ScaleUp,
    Step,
    SwapPrimary,
)
from shipments.standing import Lineage


@singledispatch
def after(step: Step, seen: Observation) -> Observation:
    """The observation after the step; a step that only waits changes nothing."""
    return seen


def after_all(steps: tuple[Step, ...], seen: Observation) -> Observation:
    for step in steps:
        seen = after(step, seen)
    return seen


@after.register
def _(step: Decide, seen: Observation) -> Observation:
    return seen.with_documents(step.documents, step.regions)


@after.register
def _(step: EdgeLeads, seen: Observation) -> Observation:
    return replace(seen, edge={**seen.edge, **{name: Served((step.region,), 200) for name in step.services}})


@after.register
def _(step: Promote, seen: Observation) -> Observation:
    """The other server follows by itself when the promote was planned; after a forced one it counts for nothing."""
    peer = seen.platform.peer(step.region)
    if step.forced:
        other = seen.view(peer).server or Server("Missing")
        seen = seen.with_region(peer, server=replace(other, replication="Broken"))
        return seen.with_region(step.region, server=Server("Primary"))
    seen = seen.with_region(peer, server=Server("GeoAsyncReplica", "Ready", "Active"))
    return _writes(seen.with_region(step.region, server=Server("Primary")), step.region)


@after.register
def _(step: Applies, seen: Observation) -> Observation:
    return _writes(seen, step.region, step.lineage)


@after.register
def _(step: ScaleUp, seen: Observation) -> Observation:
    return seen.with_region(step.region, capacity=max(step.instances, seen.view(step.region).capacity or 0))


@after.register
def _(step: Rebuild, seen: Observation) -> Observation:
    found = seen.with_region(step.region, server=Server("GeoAsyncReplica", "Ready", "Active"))
    if journal := seen.view(step.region).journal:
        lineage = seen.lineage_of(step.source) or seen.writer.lineage
        found = found.with_region(step.region, journal=replace(journal, writes_here=False, lineage=lineage))
    return found


@after.register
def _(step: GeoRedundant, seen: Observation) -> Observation:
    return _account(seen, step.home, step.account, sku=step.sku, geo_status="Live", can_fail_over=True,
                    can_fail_over_planned=True)


@after.register
def _(step: MoveAccount, seen: Observation) -> Observation:
    sku = {} if step.planned else {"sku": "Standard_LRS", "geo_status": "", "can_fail_over": False,
                                   "can_fail_over_planned": False}
    return _account(seen, step.home, step.account, region=step.to, **sku)


@after.register
def _(step: Confirm, seen: Observation) -> Observation:
    for region, view in seen.regions.items():
        if view.journal:
            seen = seen.with_region(region, journal=replace(view.journal, age=0.0, unconfirmed=0, lineage=step.lineage))
    return seen


@after.register
def _(step: SwapPrimary, seen: Observation) -> Observation:
    services = tuple(service.model_copy(update={"primary": step.overrides.get(service.name, step.primary)})
                     if service.kind != "static" else service for service in seen.platform.listed)
    return replace(seen, platform=seen.platform.model_copy(update={"primary": step.primary, "listed": services}))


@after.register
def _(step: Origin, seen: Observation) -> Observation:
    return seen.with_region(step.region, origin=step.enabled)


def _writes(seen: Observation, region: str, lineage: Lineage | None = None) -> Observation:
    """Both regions' reports once the region's worker applies."""
    for name, view in seen.regions.items():
        if view.journal:
            own = {"lineage": lineage} if lineage and name == region else {}
            seen = seen.with_region(name, journal=replace(view.journal, writes_here=name == region, **own))
    return seen


def _account(seen: Observation, home: str, name: str, **changes: object) -> Observation:
    accounts = tuple(replace(account, **changes) if account.name == name else account  # type: ignore[arg-type]
                     for account in seen.view(home).accounts)
    return seen.with_region(home, accounts=accounts)
