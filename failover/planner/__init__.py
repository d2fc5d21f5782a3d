"""From what was seen and what is asked to steps, or to a refusal: pure, and checked against its own invariants."""

from collections.abc import Callable

from failover.observation import Observation
from failover.planner.failback import plan_failback
from failover.planner.failover import plan_failover
from failover.planner.invariants import broken
from failover.planner.reprotect import plan_reprotect
from failover.planner.request import Plan, Refusal, Refused, Request, Verb
from failover.planner.salvage import plan_salvage
from failover.planner.switchover import plan_switchover

PLANNERS: dict[Verb, Callable[[Observation, Request], Plan]] = {
    "switchover": plan_switchover, "failover": plan_failover, "reprotect": plan_reprotect, "failback": plan_failback,
    "salvage": plan_salvage}

__all__ = ["PLANNERS", "Plan", "Refusal", "Request", "Verb", "plan"]


def plan(seen: Observation, request: Request) -> Plan | Refusal:
    """What to do, in order.  A plan that would break an invariant is not given out."""
    try:
        found = PLANNERS[request.verb](seen, request)
    except Refused as refused:
        return refused.refusal
    if wrong := broken(seen, found):
        return Refusal("a plan keeps the invariants", wrong, "This is a mistake in the planner; nothing was done.",
                       "Report it with the output of `failover status --json`.")
    return found
