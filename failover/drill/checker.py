"""The verdict over one history: what was acknowledged and is not there, is there twice, or was seen and then not.

Pure.  The load sends only what can be applied, so a command that was acknowledged and refused later is lost, too.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from failover.drill.history import WRITES, Attempt, Found, Sample

FRESH = 3.0
"""Seconds that a read may be behind without anyone saying so: the cache in front of a server, the walk between two."""
AROUND = 6.0
"""Seconds around a read in which an announced lag counts: the journal's report is up to 5 s old."""


@dataclass(frozen=True)
class Travel:
    """A read that showed less than an earlier one had, by more seconds than were announced."""

    op: str
    shipment: str
    region: str
    at: float
    saw: int
    before: int
    behind: float
    allowed: float


@dataclass(frozen=True)
class Verdict:
    """`lost` and `duplicated` are command ids."""

    acknowledged: int
    one_region: int
    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    travels: tuple[Travel, ...]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicated or self.travels)


def check(attempts: Sequence[Attempt], found: Mapping[str, Found], samples: Sequence[Sample] = ()) -> Verdict:
    """`found`: command id -> what the platform shows of it after everything was healed."""
    acknowledged = {attempt.command: attempt for attempt in attempts if attempt.acknowledged}
    lost = [command for command in acknowledged if not _is_there(found.get(command))]
    return Verdict(len(acknowledged), sum(1 for attempt in acknowledged.values() if attempt.durability == "one-region"),
                   tuple(sorted(lost)), tuple(sorted(_duplicated(attempts, found))), tuple(_travels(attempts, samples)))


def _is_there(finding: Found | None) -> bool:
    return finding is not None and finding.status == "applied" and finding.effects > 0


def _duplicated(attempts: Iterable[Attempt], found: Mapping[str, Found]) -> set[str]:
    """Effects that are there more than once, and intentions that became more than one command."""
    commands: dict[str, set[str]] = defaultdict(set)
    for attempt in attempts:
        if attempt.kind in WRITES and attempt.command:
            commands[attempt.op].add(attempt.command)
    twice = {command for known in commands.values() if len(known) > 1 for command in sorted(known)[1:]}
    return twice | {command for command, finding in found.items() if finding.effects > 1}


def _travels(attempts: Iterable[Attempt], samples: Sequence[Sample]) -> list[Travel]:
    """Timelines only grow, so a reader that is shown fewer entries than somebody was shown before it asked looks back
    to the time before that."""
    reads: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.kind == "track" and attempt.version is not None:
            reads[attempt.shipment].append(attempt)
    return [travel for asked in reads.values() for travel in _back(asked, samples)]


def _back(asked: list[Attempt], samples: Sequence[Sample]) -> Iterable[Travel]:
    ended = sorted(asked, key=lambda read: read.end)
    place, newest, first_shown = 0, 0, dict[int, float]()
    for read in sorted(asked, key=lambda read: read.start):
        while place < len(ended) and ended[place].end <= read.start:
            if ended[place].version > newest:
                newest = ended[place].version
                first_shown[newest] = ended[place].end
            place += 1
        if read.version < newest:
            behind = read.start - min(at for version, at in first_shown.items() if version > read.version)
            allowed = FRESH + announced(samples, read.region, read.start)
            if behind > allowed:
                yield Travel(read.op, read.shipment, read.region, read.start, read.version, newest, behind, allowed)


def announced(samples: Sequence[Sample], region: str, at: float) -> float:
    """Seconds by which that region said that its oldest unconfirmed command is old, at its worst around that time; of
    any region, when the answer did not tell which one gave it."""
    first = bisect_left(samples, at - AROUND, key=lambda sample: sample.at)
    last = bisect_left(samples, at + AROUND, key=lambda sample: sample.at)
    return max((lag for sample in samples[first:last] for name, lag in sample.lag.items()
                if name.endswith(" walk") and name.startswith(region)), default=0.0)
