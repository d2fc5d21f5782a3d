"""Looking at everything at once; what does not answer is part of what was seen, never an error."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TypeVar

from azure.core.exceptions import AzureError

from failover.cloud import Cloud
from failover.compute import Compute
from failover.control import Answer, Control, why_away
from failover.database import Databases
from failover.edge import Edge
from failover.errors import Denied, OperatorError
from failover.journal import Journals
from failover.observation import Observation, RegionView, Seen
from failover.storage import Accounts

Found = TypeVar("Found")


@dataclass(frozen=True)
class Rooms:
    """Everything that is looked at and acted upon."""

    cloud: Cloud
    control: Control
    journals: Journals
    databases: Databases
    accounts: Accounts
    compute: Compute
    edge: Edge


@dataclass(frozen=True)
class Look:
    """What to look at.  A failover in an emergency needs little; each SDK of Azure costs half a second to import."""

    databases: bool = True
    accounts: bool = True
    compute: bool = True
    edge: bool = True
    origin: bool = True


EMERGENCY = Look(accounts=False, compute=False, edge=False, origin=False)
"""Control documents, journals and databases."""
WATCHING = Look(databases=False, accounts=False, compute=False, origin=False)


async def observe(rooms: Rooms, look: Look = Look()) -> Observation:
    """Never raises but Denied for the control documents: without them nothing can be told."""
    platform = rooms.cloud.platform
    problems: list[str] = []
    views = await asyncio.gather(*(_region(rooms, region, look, problems) for region in platform.regions))
    watched = [service for service in platform.listed if service.tells_region] if look.edge else []
    served = await asyncio.gather(*(rooms.edge.look(service) for service in watched))
    if look.origin:
        origin = await _attempt(rooms.edge.origin, platform.static.location, problems)
        views = [replace(view, origin=origin) if view.name == platform.static.location else view for view in views]
    skews = [view.skew for view in views if view.skew is not None]
    at = datetime.now(UTC) + timedelta(seconds=median(skews) if skews else 0)
    return Observation(at, platform, {view.name: view for view in views},
                       {service.name: found for service, found in zip(watched, served, strict=True)},
                       tuple(dict.fromkeys(problems)), last_drill(rooms.cloud.settings.home))


async def _region(rooms: Rooms, region: str, look: Look, problems: list[str]) -> RegionView:
    view, server, accounts, capacity, sites = await asyncio.gather(
        _controls(rooms, region),
        _attempt(rooms.databases.look, region, problems) if look.databases else _nothing(),
        _attempt(rooms.accounts.look, region, problems) if look.accounts else _nothing(),
        _attempt(rooms.compute.capacity, region, problems) if look.compute else _nothing(),
        _attempt(rooms.compute.sites, region, problems) if look.compute else _nothing())
    return replace(view, server=server, accounts=accounts or (), capacity=capacity, sites=sites or {})


async def _controls(rooms: Rooms, region: str) -> RegionView:
    """Documents, report and clock, all from the region's blob account."""
    answer, began = Answer(), datetime.now(UTC)

    async def one(service: str) -> tuple[str, Seen]:
        return service, await rooms.control.look(region, service, answer)

    try:
        found = await asyncio.gather(*map(one, rooms.cloud.platform.services))
        journal = await rooms.journals.look(region)
    except (AzureError, OSError, TimeoutError) as error:
        if getattr(error, "status_code", None) == 403:
            raise Denied(f"reading the control documents in {region}: your identity may not (403). It needs the role "
                         f"'Storage Blob Data Reader' on {rooms.cloud.platform.regions[region].blob_account_id}, and "
                         "'Storage Blob Data Contributor' on its container `control` to decide anything.") from error
        return RegionView(region, False, why_away(error))
    return RegionView(region, True, skew=_skew(answer, began), controls=dict(found), journal=journal)


def _skew(answer: Answer, began: datetime) -> float | None:
    """Seconds that the storage's clock is ahead; its Date has whole seconds, so that one second of it says nothing."""
    if answer.date is None:
        return None
    ended = datetime.now(UTC)
    if began - timedelta(seconds=1) <= answer.date <= ended + timedelta(seconds=1):
        return 0.0
    return (answer.date - ended).total_seconds()


async def _attempt(look: Callable[[str], Awaitable[Found]], region: str, problems: list[str]) -> Found | None:
    try:
        return await look(region)
    except OperatorError as error:
        problems.append(str(error))
        return None


async def _nothing() -> None:
    return None


def last_drill(home: Path) -> datetime | None:
    """When the drills' results were last written."""
    with suppress(OSError):
        return datetime.fromtimestamp((home / "latest.json").stat().st_mtime, UTC)
    return None
