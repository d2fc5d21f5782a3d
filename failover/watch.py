"""Watching, and when told so, acting: a decision over several observations, never over one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from failover.observation import Observation

Judgement = Literal["well", "doubt", "held", "act"]


@dataclass(frozen=True)
class Sample:
    """One look.  Two vantage points on the leading region: this machine's own, on its storage and through the edge; and
    the other region's worker's, which says in its journal report whether it sees its peer."""

    at: datetime
    lead: str
    lead_answers: bool
    edge_answers: bool
    standby_ready: bool
    standby_sees_lead: bool
    protected: bool
    settled: bool
    """Nobody is moving anything, and every reachable region holds the same decision."""

    @property
    def lost(self) -> bool:
        """Both agree; one of them alone may be cut off itself."""
        return not self.lead_answers and not self.standby_sees_lead


@dataclass(frozen=True)
class Policy:
    """`seconds` and `times`: how long, and in how many looks in a row, the leading region must have been lost."""

    seconds: float = 30.0
    times: int = 5
    force: bool = False


@dataclass(frozen=True)
class Verdict:
    judgement: Judgement
    reason: str
    to: str = ""


def sample(seen: Observation) -> Sample:
    """What of an observation counts."""
    lead = seen.writer.active_region
    standby = seen.view(seen.platform.peer(lead))
    journal = standby.journal
    ready = standby.reachable and journal is not None and journal.fresh and seen.on_lineage(standby.name)
    return Sample(
        seen.at, lead, seen.view(lead).reachable, all(served.answers for served in seen.edge.values()), ready,
        journal is not None and journal.fresh and journal.peer_seen, seen.writer.unprotected_since is None,
        all(seen.document(name).leaving is None and not seen.behind(name) for name in seen.platform.services))


def judge(samples: Sequence[Sample], peer: str, policy: Policy) -> Verdict:
    """`samples` in the order of time, the newest last; `peer`: the region to fail over to."""
    if not samples or not samples[-1].lost:
        return _well(samples[-1] if samples else None)
    lost = _since_lost(samples)
    lead, newest = lost[-1].lead, lost[-1]
    lasted = (newest.at - lost[0].at).total_seconds()
    if len(lost) < policy.times or lasted < policy.seconds:
        return Verdict("doubt", f"{lead} answers neither here nor to {peer} for {lasted:.0f} s of "
                       f"{policy.seconds:.0f}, {len(lost)} looks of {policy.times}")
    if not newest.standby_ready:
        return Verdict("held", f"{lead} is lost, and {peer} is not fit to take over")
    if not newest.settled:
        return Verdict("held", f"{lead} is lost, and an operator is at work")
    if not newest.protected and not policy.force:
        return Verdict("held", f"{lead} is lost while unprotected; `failover failover --to {peer} --force` accepts the "
                       "loss of what it alone has")
    return Verdict("act", f"{lead} answered neither here nor to {peer} for {lasted:.0f} s in {len(lost)} looks", peer)


def _since_lost(samples: Sequence[Sample]) -> list[Sample]:
    """The unbroken run of losses of one leading region at the end: any answer in between starts it anew."""
    run: list[Sample] = []
    for one in reversed(samples):
        if not one.lost or one.lead != samples[-1].lead:
            break
        run.append(one)
    return run[::-1]


def _well(newest: Sample | None) -> Verdict:
    if newest is None:
        return Verdict("well", "nothing was seen yet")
    if not newest.lead_answers:
        why = "its peer sees it: this machine may be cut off" if newest.standby_sees_lead else "nothing is known"
        return Verdict("doubt", f"{newest.lead} does not answer here, but {why}")
    if not newest.edge_answers:
        return Verdict("doubt", f"the edge does not answer for all services, though {newest.lead} does")
    return Verdict("well", f"{newest.lead} leads and answers")
