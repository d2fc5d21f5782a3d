"""Back to where the platform started: protect again if need be, switch over, and have the configuration follow."""

from dataclasses import replace

from failover.observation import Observation
from failover.planner.common import known_region
from failover.planner.effects import after_all
from failover.planner.reprotect import plan_reprotect
from failover.planner.request import Plan, Request
from failover.planner.switchover import plan_switchover
from failover.steps import Decide, Step, SwapPrimary


def plan_failback(seen: Observation, request: Request) -> Plan:
    """Raises Refused.  Each part plans for what the one before leaves."""
    to = known_region(seen, request.to or seen.platform.original)
    steps: list[Step] = []
    warnings: list[str] = []
    first = plan_reprotect(seen, request)
    away = [name for name in seen.platform.services if seen.document(name).active_region != to]
    if away:
        if not all(isinstance(step, Decide | SwapPrimary) for step in first.steps):
            steps += [step for step in first.steps if not isinstance(step, SwapPrimary)]
        later = after_all(tuple(steps), seen)
        second = plan_switchover(later, replace(request, to=to, services=tuple(away)))
        steps += second.steps
        warnings += [*first.warnings, *second.warnings]
        first = plan_reprotect(after_all(tuple(steps), seen), request)
    steps += first.steps
    return Plan(request, f"go back to {to}", tuple(steps), tuple(dict.fromkeys([*warnings, *first.warnings])))
