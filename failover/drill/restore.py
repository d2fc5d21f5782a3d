"""Back to where the drill began: nothing broken, every service at home, every command in both regions."""

import asyncio
import time
from collections.abc import Callable

from failover.drill.target import Target
from failover.errors import OperatorError
from failover.observation import Observation
from failover.operator import Operator

REACHABLE, PROTECTED = 90.0, 180.0
"""Seconds for a healed region to answer, and for the platform to be protected again at home."""


async def restore(target: Target, note: Callable[[str], None]) -> list[str]:
    """-> what stands in the way; nothing when the platform is as it was.  `note` is told every act."""
    try:
        if target.faults:
            note("heal")
            if (done := await target.fault("heal")).code:
                return [f"healing ended with {done.code}: {done.tail}"]
        seen = await _wait(target, REACHABLE, _unreachable)
        if seen:
            return [seen]
        for verb in await _needed(target):
            note(f"failover {verb}")
            if (done := await target.failover(verb)).code:
                return [f"`failover {verb}` ended with {done.code}: {done.tail}"]
        seen = await _wait(target, PROTECTED, lambda now: _not_home(target, now))
        return [seen] if seen else []
    except OperatorError as error:
        return [str(error)]


async def _needed(target: Target) -> list[str]:
    """The verbs that lead home from what is seen now."""
    now = await _observe(target)
    away = any(now.document(service).active_region != target.home_of(service) for service in target.platform.services)
    verbs = ["reprotect"] if now.writer.unprotected_since or away else []
    return verbs + (["failback"] if away else [])


async def _observe(target: Target) -> Observation:
    async with Operator.connect(target.settings) as operator:
        return await operator.observe()


async def _wait(target: Target, within: float, look: Callable[[Observation], str]) -> str:
    """"" as soon as `look` sees nothing wrong, else what it saw last."""
    until = time.monotonic() + within
    while seen := look(await _observe(target)):
        if time.monotonic() > until:
            return f"{seen}, {within:.0f} s after it was healed"
        await asyncio.sleep(1)
    return ""


def _unreachable(now: Observation) -> str:
    away = sorted(set(now.regions) - set(now.reachable))
    return f"{', '.join(away)} cannot be reached" if away else ""


def _not_home(target: Target, now: Observation) -> str:
    away = [f"{service} is not in {home}" for service in target.platform.services
            if now.document(service).active_region != (home := target.home_of(service))]
    if away:
        return ", ".join(away)
    return f"unprotected since {now.writer.unprotected_since}" if now.writer.unprotected_since else ""
