"""Planned: both regions are well.  The edge leaves first, the database follows, nothing is refused and nothing lost."""

from dataclasses import replace

from failover.observation import Observation
from failover.planner.common import (
    chosen,
    clock_warning,
    decide,
    known_region,
    moves,
    need_clocks,
    need_hands_off,
    need_reachable,
    need_states,
    scale_up,
    spread,
    watched,
)
from failover.planner.content import origin
from failover.planner.drain import drain
from failover.planner.effects import after_all
from failover.planner.request import Plan, Refused, Request
from failover.steps import Applies, Confirm, EdgeLeads, Promote, Step


def plan_switchover(seen: Observation, request: Request) -> Plan:
    """Raises Refused.  Without `to`: away from where the services run, or on to where an interrupted run was going."""
    services, platform = chosen(seen, request), seen.platform
    for region in seen.regions:
        need_reachable(seen, region, "A switchover needs both regions.",
                       f"If it stays away: `failover failover --to {platform.peer(region)}`.")
    warnings = need_states(seen, services, request) + clock_warning(seen)
    need_clocks(seen)
    need_hands_off(seen, services, request)
    to = known_region(seen, request.to) if request.to else target(seen, services)
    moving = tuple(name for name in services if moves(seen, name, to))
    promote = platform.writer in services and not has_writer(seen, to)
    steps = spread(seen, services, skip=moving)
    if not (moving or promote or steps or origin(seen, services, to)):
        need_unfinished(seen, services, to)
    if promote:
        need_streaming(seen, to)
        steps += [Confirm(seen.writer.lineage)] if seen.writer.unprotected_since else []
    steps += scale_up(seen, moving, to)
    steps += drain(seen, moving, to, request)
    steps += [Promote(to, forced=False)] if promote else []
    seen = after_all(tuple(steps), seen)
    protected = {"writer_unprotected_since": None} if promote else {}
    steps += [decide(seen, moving, to, request, other="standby", reason=reason(to), **protected)
              ] if moving else []
    steps += _verified(seen, services, to)
    return Plan(replace(request, to=to), f"switch {', '.join(services)} over to {to}", tuple(steps), warnings)


def need_unfinished(seen: Observation, services: tuple[str, ...], to: str) -> None:
    """A switchover that was done is only verified when it is ordered again."""
    documents = [seen.document(name) for name in services]
    if any(document.reason == reason(to) for document in documents):
        return
    since = f" since {documents[0].since}" if documents[0].since else ""
    raise Refused(f"switchover leads away from the active region {to}", f"{to} is it already",
                  f"{', '.join(services)} run there{since}.", f"Name --to {seen.platform.peer(to)} to move them.")


def reason(to: str) -> str:
    return f"switchover to {to}"


def target(seen: Observation, services: tuple[str, ...]) -> str:
    """Where an interrupted run was going, else the other region than the one that leads."""
    documents = [seen.document(name) for name in services]
    platform = seen.platform
    if leaving := [document.leaving for document in documents if document.leaving]:
        return platform.peer(leaving[0])
    if behind := [document for document in documents if seen.behind(document.service)]:
        return behind[0].active_region
    if platform.writer in services and has_writer(seen, platform.peer(seen.writer.active_region)):
        return platform.peer(seen.writer.active_region)
    regions = {document.active_region for document in documents}
    if len(regions) > 1:
        where = ", ".join(f"{document.service} in {document.active_region}" for document in documents)
        raise Refused("without --to, all services must run in one region", where, "It is not clear where to.",
                      "Name the region with --to.")
    return platform.peer(regions.pop())


def need_streaming(seen: Observation, to: str) -> None:
    """A planned promote waits for the last byte, so both servers have to be well and in touch."""
    server, peer = seen.view(to).server, seen.view(seen.platform.peer(to)).server
    journal = seen.view(to).journal
    act = f"Run `failover reprotect` and wait for it, or `failover failover --to {to}` in an emergency."
    if not (server and peer and server.replicates and peer.writes and server.state == peer.state == "Ready"):
        found = ", ".join(f"{name}: {view.server.role} {view.server.state} {view.server.replication}".rstrip()
                          if view.server else f"{name}: not readable" for name, view in seen.regions.items())
        raise Refused("a planned promote needs a Ready primary and a Ready replica that streams", found,
                      "; ".join(seen.problems), act)
    if not seen.on_lineage(to):
        raise Refused("the replica has to be on the lineage in force", str(seen.lineage_of(to)),
                      "It was not rebuilt since the last failover.", act)
    if not (journal and journal.fresh):
        raise Refused(f"the worker in {to} has to be alive", f"its last journal report is "
                      f"{f'{journal.age:.0f} s old' if journal else 'missing'}", "Nobody would apply commands there.",
                      f"See why with `failover status`; the function app's log in {to} tells more.")


def has_writer(seen: Observation, region: str) -> bool:
    """The database that counts takes writes there, whatever is decided."""
    server = seen.view(region).server
    return server is not None and server.writes and seen.on_lineage(region)


def _verified(seen: Observation, services: tuple[str, ...], to: str) -> list[Step]:
    edge = watched(seen, services)
    return [*origin(seen, services, to),
            *([Applies(to, seen.writer.lineage)] if seen.platform.writer in services else []),
            *([EdgeLeads(edge, to, 1.0)] if edge else [])]
