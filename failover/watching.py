"""The loop around `watch.judge`: look, say what changed, and with `--auto` act once."""

import asyncio
from collections import deque

from failover import machine
from failover.observe import EMERGENCY, WATCHING
from failover.operator import Operator
from failover.planner import Request
from failover.session import Options, carry_out
from failover.watch import Policy, Sample, Verdict, judge, sample

KEPT = 1000


async def watch(options: Options, policy: Policy, every: float, auto: bool) -> int:
    """Until interrupted, or until it has failed over; returns that verb's exit code."""
    samples: deque[Sample] = deque(maxlen=KEPT)
    told = ""
    async with Operator.connect(options.settings) as operator:
        while True:
            seen = await operator.observe(WATCHING)
            samples.append(sample(seen))
            verdict = judge(tuple(samples), seen.platform.peer(seen.writer.active_region), policy)
            if f"{verdict.judgement} {verdict.reason}" != told:
                told = f"{verdict.judgement} {verdict.reason}"
                _tell(options, verdict, samples[-1])
            if verdict.judgement == "act" and auto:
                break
            await asyncio.sleep(every)
    request = Request("failover", to=verdict.to, force=policy.force, by=f"{options.settings.by} (watch)")
    return await carry_out(request, options, EMERGENCY)


def _tell(options: Options, verdict: Verdict, newest: Sample) -> None:
    colour = {"well": "green", "doubt": "yellow", "held": "red", "act": "red"}[verdict.judgement]
    options.say(machine.line("watch", judgement=verdict.judgement, reason=verdict.reason, sample=newest),
                lambda: options.console.print(f"[dim]{newest.at:%H:%M:%S}[/] [{colour}]{verdict.judgement}[/] "
                                              f"{verdict.reason}"))
