"""Back to where the platform started: protect again if need be, switch over, and have the configuration follow."""

from dataclasses import replace

from failover.observation import Observation
from failover.planner.common import known_region
from failover.planner.content import origin
from failover.planner.effects import after_all
from failover.planner.reprotect import plan_reprotect
from failover.planner.request import Plan, Request
from failover.planner.switchover import has_writer, plan_switchover
from failover.steps import Decide, Step, SwapPrimary


def plan_failback(seen: Observation, request: Request) -> Plan:
    """Raises Refused.  Each part plans for what the one before leaves."""
    to = known_region(seen, request.to or seen.platform.original)
    steps: list[Step] = []
    warnings: list[str] = []
    away = tuple(name for name in seen.platform.services if seen.document(name).active_region != to)
    if away and not (has_writer(seen, to) and seen.writer.active_region != to):
        first = plan_reprotect(seen, request)
        steps += _data(first)
        warnings += first.warnings
    if away:
        second = plan_switchover(after_all(tuple(steps), seen), replace(request, to=to, services=away))
        steps += second.steps
        warnings += second.warnings
    steps += origin(after_all(tuple(steps), seen), tuple(seen.platform.services), to)
    last = plan_reprotect(after_all(tuple(steps), seen), request)
    told = tuple(dict.fromkeys([*warnings, *last.warnings]))
    return Plan(replace(request, to=to), f"go back to {to}", (*steps, *last.steps), told)


def _data(protect: Plan) -> list[Step]:
    """What protects data; documents and configuration are brought in order once, at the end."""
    if all(isinstance(step, Decide | SwapPrimary) for step in protect.steps):
        return []
    return [step for step in protect.steps if not isinstance(step, SwapPrimary)]
