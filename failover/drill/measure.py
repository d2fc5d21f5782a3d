"""How long what was away: pure functions over attempts and the times at which commands were applied."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from failover.drill.history import READS, WRITES, Attempt, Found

HOLD = 3.0
"""Seconds without a failure that make a success a lasting one."""
SLOW = 3.0
"""Seconds after which an answer is as good as none: people have given up."""
IDLE = 1.0
"""Seconds without anything applied that are normal under load."""
TIMED = (READS | WRITES) - {"large", "photo"}


def good(attempt: Attempt) -> bool:
    return attempt.outcome == "ok" and attempt.end - attempt.start <= SLOW


def at_edge(attempts: Iterable[Attempt], kinds: Iterable[str], start: float = 0.0, end: float = float("inf")
            ) -> list[Attempt]:
    """Those of the kinds that went through the edge and were under way between the two times, by start."""
    wanted = frozenset(kinds) & TIMED
    return sorted((attempt for attempt in attempts if attempt.door == "edge" and attempt.kind in wanted
                   and attempt.end >= start and attempt.start <= end), key=lambda attempt: attempt.start)


def recovery(attempts: Sequence[Attempt], since: float) -> float | None:
    """Seconds from `since` to the end of the first success after which nothing failed for `HOLD` seconds.

    Successes before the first failure do not count: a fault takes a moment to begin.  0 when nothing failed at all,
    None when it never came back.  `attempts` as `at_edge` gives them."""
    bad = [attempt.start for attempt in attempts if attempt.end >= since and not good(attempt)]
    if not bad:
        return 0.0
    for attempt in attempts:
        if attempt.start >= max(since, min(bad)) and good(attempt) and not any(
                attempt.start <= start < attempt.start + HOLD for start in bad):
            return max(0.0, attempt.end - since)
    return None


def longest_away(attempts: Sequence[Attempt]) -> float:
    """Seconds of the longest time in which nothing but failures began: from the first of them to the next success."""
    longest, since = 0.0, None
    for attempt in attempts:
        if not good(attempt):
            since = attempt.start if since is None else since
        elif since is not None:
            longest, since = max(longest, attempt.end - since), None
    if since is not None:
        longest = max(longest, attempts[-1].end - since)
    return longest


def processing(found: Iterable[Found], since: float, until: float) -> float:
    """Seconds from `since` to the end of the longest time in which nothing was applied; 0 when there was no such time.

    `until`: when the load ended.  A time that began after `since` counts from its own beginning."""
    applied = sorted(finding.applied_at for finding in found if finding.applied_at)
    gaps = [(end - start, start, end) for start, end in pairwise(applied)
            if end > since and start < until and end - start > IDLE]
    if not gaps:
        return 0.0
    _, start, end = max(gaps)
    return end - max(start, since)


def availability(attempts: Sequence[Attempt]) -> float:
    """Percent of the attempts that were answered; 100 when there were none."""
    return 100.0 * sum(map(good, attempts)) / len(attempts) if attempts else 100.0
