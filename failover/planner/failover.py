"""Unplanned: the other region is lost, or believed to be.  Raise the epoch, wait out the validity, promote by force."""

from failover.observation import Observation, iso
from failover.planner.common import (
    chosen,
    clock_warning,
    decide,
    known_region,
    moves,
    need_reachable,
    need_states,
    scale_up,
    spread,
    watched,
    window,
)
from failover.planner.content import origin
from failover.planner.drain import drain
from failover.planner.effects import after_all
from failover.planner.request import Plan, Refused, Request
from failover.steps import Applies, AwaitValidity, EdgeLeads, Promote, Step
from shipments.standing import Lineage


def plan_failover(seen: Observation, request: Request) -> Plan:
    """Needs the target and nothing of the region that is left.  Raises Refused."""
    to = known_region(seen, request.to)
    services, writer = chosen(seen, request), seen.platform.writer
    need_reachable(seen, to, "Nothing can take over there.", "Try again when it answers: `failover status` tells.")
    warnings = need_states(seen, services, request) + clock_warning(seen)
    promote = writer in services and not may_write_already(seen, to)
    again = promote and not pending(seen, to)
    moving = tuple(name for name in services
                   if moves(seen, name, to) or (again and name == writer))
    if writer in services:
        need_fit_database(seen, to, request, promote)
    steps = spread(seen, services, skip=moving)
    if not promote and seen.view(seen.platform.peer(to)).reachable:
        steps += drain(seen, moving, to, request)
    steps += _decide(after_all(tuple(steps), seen), moving, to, request, promote)
    if not (steps or promote or origin(seen, services, to)):
        need_unfinished(seen, services, to)
    steps += scale_up(seen, moving, to, at_once=True)
    steps += [AwaitValidity(), Promote(to, forced=True)] if promote else []
    steps += _verified(after_all(tuple(steps), seen), services, to)
    warnings += _warnings(seen, to, promote)
    return Plan(request, f"fail over {', '.join(services)} to {to}", tuple(steps), warnings)


def _decide(seen: Observation, moving: tuple[str, ...], to: str, request: Request, promote: bool) -> list[Step]:
    lineage = Lineage(seen.top + 1, to) if promote else seen.writer.lineage
    if not moving:
        return []
    return [decide(seen, moving, to, request, other="fenced", reason=f"failover to {to}", writer_lineage=lineage,
                   writer_unprotected_since=seen.writer.unprotected_since or iso(seen.at))]


def _verified(seen: Observation, services: tuple[str, ...], to: str) -> list[Step]:
    edge = watched(seen, services)
    return [*origin(seen, services, to),
            *([Applies(to, seen.writer.lineage)] if seen.platform.writer in services else []),
            *([EdgeLeads(edge, to, window(seen, edge))] if edge else [])]


def may_write_already(seen: Observation, to: str) -> bool:
    """A promote is done: by an interrupted run, or as the first half of a switchover."""
    server = seen.view(to).server
    return server is not None and server.writes


def pending(seen: Observation, to: str) -> bool:
    """A forced promote was decided, and the database does not carry its lineage yet."""
    document, told = seen.writer, seen.lineage_of(to)
    decided = document.active_region == to and document.lineage.region == to
    return decided and (told != document.lineage if told is not None else document.lineage.epoch == document.epoch)


def need_fit_database(seen: Observation, to: str, request: Request, promote: bool) -> None:
    """The target's database must be known to hold all that the one in force holds, up to what was not streamed."""
    server, document = seen.view(to).server, seen.writer
    if server is None or server.role == "Missing":
        raise Refused(f"PostgreSQL has to be in {to}", "it is missing" if server else "its state could not be read",
                      "; ".join(seen.problems), "Make it with `failover reprotect` from the region that leads.")
    need_one_primary(seen, to, request)
    if pending(seen, to):
        return  # decided by a run that checked the rest, and was interrupted
    if not seen.on_lineage(to):
        raise Refused(
            f"PostgreSQL in {to} has to descend from lineage {document.lineage.epoch}/{document.lineage.region}",
            f"it is on {seen.lineage_of(to) or 'an unknown one'}", "It was not rebuilt since the last failover: "
            "promoting it would bring back old data and lose what was accepted since.",
            f"Bring {document.active_region} back, or run `failover reprotect` while it answers.")
    if promote and document.unprotected_since and not request.force:
        raise Refused(
            "failing over needs protection by both regions", f"unprotected since {document.unprotected_since}",
            f"What was accepted since may be in {document.active_region} alone and be lost.",
            "Wait for `failover reprotect` to finish, or accept the loss with --force.")


def need_one_primary(seen: Observation, to: str, request: Request) -> None:
    """A region that was away does not know of a failover that happened meanwhile; Resource Manager does."""
    peer = seen.platform.peer(to)
    servers = [seen.view(name).server for name in (to, peer)]
    twice = all(server is not None and server.writes for server in servers)
    if twice and not seen.view(peer).reachable and seen.writer.lineage.region != to and not request.force:
        raise Refused(
            "one PostgreSQL server is the primary", f"both are, and {peer} does not answer", f"{peer} may have been "
            f"promoted while {to} was away; then {to} has old data.",
            f"Bring {peer} back, or accept with --force that what it has since then is lost.")


def need_unfinished(seen: Observation, services: tuple[str, ...], to: str) -> None:
    """What leads there in ordinary service cannot be failed over to it; a failover that was done is only verified."""
    documents = [seen.document(name) for name in services]
    if any(document.state_of(to) == "failover" or document.unprotected_since for document in documents):
        return
    first = documents[0]
    raise Refused(f"failover leads away from the active region {first.active_region}", f"{to} is it already",
                  f"{', '.join(services)} run there{f' since {first.since}' if first.since else ''}.",
                  f"Name {seen.platform.peer(to)} to move them, or run `failover status`.")


def _warnings(seen: Observation, to: str, promote: bool) -> tuple[str, ...]:
    peer = seen.platform.peer(to)
    if not seen.view(peer).reachable:
        return (f"{peer} does not answer; its documents stay behind until it returns, and its apps ask {to} first",)
    answers = f"{peer} answers: `failover switchover --to {to}` would do without a forced promote"
    return (answers,) if promote else ()
