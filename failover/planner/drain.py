"""The edge leaves a region that goes on serving, so that no request is refused while it notices."""

from dataclasses import replace

from failover.observation import Observation, iso
from failover.planner.common import ordered, watched, window
from failover.planner.request import Request
from failover.steps import Decide, EdgeLeads, Step


def drain(seen: Observation, moving: tuple[str, ...], to: str, request: Request) -> list[Step]:
    """The old region's probes answer 503 while it goes on reading and writing.  The new one takes over at once: the
    edge would otherwise not send it anything where it is preferred but stands by, or in manual mode."""
    leaving = seen.platform.peer(to)
    drained = tuple(name for name in moving if seen.platform.services[name].kind in ("web-app", "external")
                    and seen.document(name).active_region != to)
    fresh = tuple(replace(
        document, epoch=seen.top + 1, leaving=leaving, states={leaving: document.state_of(leaving), to: "failover"},
        reason=f"{request.verb} to {to}: the edge leaves {leaving}", since=iso(seen.at), by=request.by)
        for document in map(seen.document, drained) if document.leaving != leaving)
    edge = watched(seen, drained)
    return [*([Decide(fresh, ordered(seen, to))] if fresh else []),
            *([EdgeLeads(edge, to, window(seen, edge))] if edge else [])]
