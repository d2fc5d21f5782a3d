"""What an operator should know about what was seen: pure, so that `status` and its exit code agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from failover.observation import Observation
from failover.planner.common import NOTABLE_SKEW, clocks
from failover.planner.reprotect import swap

OLDEST_ENTRY = timedelta(seconds=60)
OLDEST_COPY = timedelta(minutes=15)
"""RPO of what is merely copied: photos, lake, static content."""


@dataclass(frozen=True)
class Note:
    """`serious` ones make `status` exit with 4."""

    text: str
    act: str = ""
    serious: bool = True


def notes(seen: Observation) -> tuple[Note, ...]:
    """The most serious first."""
    found = [*_regions(seen), *_services(seen), *_data(seen), *_rest(seen)]
    return tuple(sorted(found, key=lambda note: not note.serious))


def _regions(seen: Observation) -> Iterator[Note]:
    lead = seen.writer.active_region
    for name, view in seen.regions.items():
        if not view.reachable:
            act = f"failover failover --to {seen.platform.peer(name)}" if name == lead else ""
            yield Note(f"{name} does not answer ({view.why})", act)
        elif view.journal is None or not view.journal.fresh:
            age = f"is {view.journal.age:.0f} s old" if view.journal else "is missing"
            yield Note(f"the journal report of {name} {age}: its worker does not walk",
                       f"look at the function app's log in {name}")
        if stopped := [site for site, state in view.sites.items() if state != "Running"]:
            yield Note(f"{', '.join(stopped)} in {name} not running")
    if seen.skew > NOTABLE_SKEW:
        yield Note(f"clocks differ by {seen.skew:.0f} s ({clocks(seen)})", "set this machine's clock")


def _services(seen: Observation) -> Iterator[Note]:
    for name in seen.platform.services:
        document, served = seen.document(name), seen.edge.get(name)
        for region in seen.regions:
            if problem := seen.seen(name, region).problem:
                yield Note(f"control/{name}.json in {region} is damaged: {problem}", "failover reprotect")
        if document.leaving:
            yield Note(f"the switchover of {name} by {document.by} was not finished (since {document.since})",
                       f"failover switchover --to {seen.platform.peer(document.leaving)}")
        elif behind := seen.behind(name):
            yield Note(f"{' and '.join(behind)} holds an older state of {name}",
                       f"failover failover --to {document.active_region}" if len(seen.reachable) == 1 else
                       "failover reprotect")
        if served is not None and not served.answers:
            yield Note(f"{name} does not answer through the edge ({served.status or 'no answer'})")
        elif served and served.regions and served.region != document.active_region:
            yield Note(f"the edge serves {name} from {' and '.join(dict.fromkeys(served.regions))}, "
                       f"decided is {document.active_region}",
                       f"failover failover --service {name} --to {seen.platform.peer(document.active_region)}, "
                       "if that goes on")


def _data(seen: Observation) -> Iterator[Note]:
    writer = seen.writer
    if writer.unprotected_since:
        yield Note(f"unprotected since {writer.unprotected_since}: another fault could lose what one region alone has",
                   "failover reprotect")
    if all(view.server and view.server.writes for view in seen.regions.values()):
        yield Note("both PostgreSQL servers are primaries: one has old data", "failover reprotect")
    for name, view in seen.regions.items():
        server, leads = view.server, name == writer.active_region
        if server and leads and not server.writes:
            yield Note(f"PostgreSQL in {name} is {server.role}, though {name} leads", f"failover failover --to {name}")
        if server and not leads and not server.replicates:
            yield Note(f"PostgreSQL in {name} is no streaming replica ({server.role} {server.replication})".rstrip(),
                       "failover reprotect")
        if view.journal and view.journal.oldest and seen.at - view.journal.oldest > OLDEST_ENTRY:
            yield Note(f"the oldest journal entry in {name} is {(seen.at - view.journal.oldest).total_seconds():.0f} s "
                       "old: it is not in both databases yet")
        for account in view.accounts:
            if not account.geo_redundant:
                yield Note(f"{account.name} is {account.sku}, not copied to another region", "failover reprotect")
            elif account.last_sync and seen.at - account.last_sync > OLDEST_COPY:
                yield Note(f"the copy of {account.name} is as of {account.last_sync:%H:%M:%S}, more than 15 min ago")


def _rest(seen: Observation) -> Iterator[Note]:
    for problem in seen.problems:
        yield Note(problem)
    if not seen.writer.unprotected_since and swap(seen) and len(seen.reachable) == len(seen.regions):
        yield Note("the stack's configuration prefers another region than the one that leads", "failover reprotect, or "
                   "failover failback", serious=False)
    if seen.last_drill is None:
        yield Note("no drill was run from here", "failover drill", serious=False)
    elif seen.at - seen.last_drill > timedelta(days=seen.platform.drill.max_age_days):
        yield Note(f"the last drill was {(seen.at - seen.last_drill).days} days ago (limit "
                   f"{seen.platform.drill.max_age_days})", "failover drill")
