"""What several verbs check and decide alike."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from failover.observation import Observation, iso, leading_state, moment, sound
from failover.planner.request import Refused, Request
from failover.steps import Decide, ScaleUp, Step
from shipments.standing import Document, State

LARGEST_SKEW = 60.0
"""Seconds; ages of journal entries are compared across regions, and a validity of 3 s says nothing between clocks that
disagree by more than a minute."""
NOTABLE_SKEW = 2.0
HANDS_OFF = timedelta(seconds=60)
"""How long an unfinished operation of another operator is left alone."""


def chosen(seen: Observation, request: Request) -> tuple[str, ...]:
    """The services that are meant, checked."""
    known = seen.platform.services
    for name in request.services:
        if name not in known:
            raise Refused("services are " + ", ".join(known), f"{name!r} is none of them", "", "Name one of them.")
    return request.services or seen.platform.movable


def known_region(seen: Observation, region: str) -> str:
    if region not in seen.regions:
        raise Refused("regions are " + " and ".join(seen.regions), f"{region!r} is neither", "", "Name one of them.")
    return region


def need_reachable(seen: Observation, region: str, why: str, act: str) -> None:
    view = seen.view(region)
    if not view.reachable:
        raise Refused(f"{region} has to answer", f"it does not ({view.why or 'no answer'})", why, act)


def need_states(seen: Observation, services: Iterable[str], request: Request) -> tuple[str, ...]:
    """Warnings about documents that are damaged in one region; refused when a service's state is known nowhere."""
    warnings = []
    for service in services:
        damaged = [region for region in seen.regions if seen.seen(service, region).problem]
        said = "; ".join(f"{region}: {seen.seen(service, region).problem}" for region in damaged)
        if not seen.readable(service) and not request.force:
            raise Refused(
                f"control/{service}.json must be readable in one region", said,
                "Who leads is not known, and the apps go on with the last state they read.",
                "Restore the blob's last version (it is kept for 14 days), or take "
                f"{seen.document(service).active_region} for the leading region with --force, which writes epoch "
                f"{seen.top + 1}.")
        warnings += [f"control/{service}.json is damaged and will be replaced ({said})"] if damaged else []
    return tuple(warnings)


def need_clocks(seen: Observation) -> None:
    if seen.skew > LARGEST_SKEW:
        raise Refused(
            f"clocks may differ by {LARGEST_SKEW:.0f} s", f"they differ by {seen.skew:.0f} s ({clocks(seen)})",
            "Ages of journal entries and the validity of views would mean nothing.",
            "Set this machine's clock (chrony, timedatectl); if a region's is wrong, ask Azure's support.")


def clock_warning(seen: Observation) -> tuple[str, ...]:
    return (f"clocks differ by {seen.skew:.0f} s ({clocks(seen)})",) if seen.skew > NOTABLE_SKEW else ()


def clocks(seen: Observation) -> str:
    told = [f"{name} {view.skew:+.0f} s" for name, view in seen.regions.items() if view.skew is not None]
    return ", ".join(told) + " against this machine"


def need_hands_off(seen: Observation, services: Iterable[str], request: Request) -> None:
    """Refused while another operator's planned operation is under way; nothing refuses an unplanned failover."""
    for service in services:
        document = seen.document(service)
        since = moment(document.since)
        if document.leaving and document.by != request.by and since and seen.at - since < HANDS_OFF:
            raise Refused(
                "one operator at a time", f"{document.by} is moving {service} out of {document.leaving} since "
                f"{document.since}", "Both would decide about the same service.",
                f"Talk to each other, or run it again {HANDS_OFF.total_seconds():.0f} s later: it goes on from there.")


def moves(seen: Observation, service: str, to: str) -> bool:
    """Whether it has to be decided anew so that it runs there, and there alone."""
    document = seen.document(service)
    return document.active_region != to or not sound(document, seen.regions)


def decide(seen: Observation, services: Iterable[str], to: str, request: Request, *, other: State, reason: str,
           **more: object) -> Decide:
    """Documents, one epoch above all known ones, that make `to` lead.  `more`: their other fields, all but those of the
    database, which are the writer's alone (`writer_…`)."""
    documents = tuple(_document(seen, service, to, request, other, reason, more) for service in services)
    return Decide(documents, ordered(seen, to))


def ordered(seen: Observation, last: str) -> tuple[str, ...]:
    """Reachable regions, the one that shall lead at the end: the other stops accepting first."""
    return tuple(sorted(seen.reachable, key=lambda region: region == last))


def _document(seen: Observation, service: str, to: str, request: Request, other: State, reason: str,
              more: dict[str, object]) -> Document:
    platform = seen.platform
    states: dict[str, State] = {to: leading_state(platform, service, to), platform.peer(to): other}
    own = {name.removeprefix("writer_"): value for name, value in more.items()
           if service == platform.writer or not name.startswith("writer_")}
    return replace(seen.document(service), epoch=seen.top + 1, active_region=to, states=states, leaving=None,
                   reason=reason, since=iso(seen.at), by=request.by, **own)  # type: ignore[arg-type]


def spread(seen: Observation, services: Iterable[str], skip: Iterable[str] = ()) -> list[Step]:
    """Writes the newest documents where an operation was interrupted between two regions."""
    steps: list[Step] = []
    for service in services:
        if service not in skip and (behind := seen.behind(service)):
            steps.append(Decide((seen.document(service),), behind))
    return steps


def window(seen: Observation, services: Iterable[str]) -> float:
    """Seconds until the edge has noticed a change of these services' probes."""
    return max((seen.platform.services[name].probe.window for name in services), default=0.0)


def scale_up(seen: Observation, moving: Iterable[str], to: str, at_once: bool = False) -> list[Step]:
    """A standby may run with fewer instances than the load needs."""
    wanted, has = seen.platform.regions[to].instances, seen.view(to).capacity
    apps = any(seen.platform.services[name].kind == "web-app" for name in moving)
    needed = apps and (has is None or has < wanted)
    return [ScaleUp(to, wanted, at_once=at_once)] if needed else []


def watched(seen: Observation, services: Iterable[str]) -> tuple[str, ...]:
    """Those of which the edge shows where they lead."""
    return tuple(name for name in services if seen.platform.services[name].tells_region)
