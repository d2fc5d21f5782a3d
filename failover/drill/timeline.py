"""The picture of one drill: requests by region and outcome, states, queues and lag over time, with what was done.

Pure geometry: history -> lanes of shapes in a coordinate system of `WIDTH` units; the template draws them."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from failover.drill.history import Attempt, History, Sample

WIDTH, LEFT, LANE, STRIP = 960.0, 120.0, 84.0, 14.0
BUCKETS = 160
"""Bars over the whole time."""


@dataclass(frozen=True)
class Bar:
    """`look` is the CSS class that colours it; `tip` what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    look: str
    tip: str


@dataclass(frozen=True)
class Line:
    points: str
    look: str
    name: str


@dataclass(frozen=True)
class Lane:
    title: str
    height: float
    top: str = ""
    """What the upper edge stands for."""
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Flag:
    x: float
    number: int
    look: str
    text: str
    at: float


@dataclass(frozen=True)
class Timeline:
    """Seconds count from the beginning of the load; `ticks` are (x, label)."""

    lanes: tuple[Lane, ...]
    flags: tuple[Flag, ...]
    ticks: tuple[tuple[float, str], ...]
    width: float = WIDTH
    left: float = LEFT
    notes: tuple[str, ...] = field(default=())

    @property
    def height(self) -> float:
        return sum(lane.height + 26 for lane in self.lanes) + 40


@dataclass(frozen=True)
class _Scale:
    start: float
    end: float

    def x(self, at: float) -> float:
        share = (min(max(at, self.start), self.end) - self.start) / (self.end - self.start)
        return round(LEFT + share * (WIDTH - LEFT), 1)


def draw(history: History, regions: Sequence[str]) -> Timeline:
    """`regions`: in the order of their colours, the primary one first."""
    marks = history.marks
    start = next((mark.at for mark in marks if mark.what == "load"), marks[0].at if marks else 0.0)
    end = max([start + 1, *(mark.at for mark in marks), *(attempt.end for attempt in history.attempts)])
    scale = _Scale(start, end)
    samples = [sample for sample in history.samples if start <= sample.at <= end]
    lanes = [_requests("reads per second", _of(history.attempts, reads=True), scale, regions),
             _requests("writes per second", _of(history.attempts, reads=False), scale, regions),
             *(_states(region, samples, scale) for region in regions),
             _curves("commands queued", samples, "queues", regions, scale),
             _curves("journal entries", samples, "journal", regions, scale),
             _curves("oldest unconfirmed, s", samples, "lag", [f"{region} walk" for region in regions], scale),
             _curves("blobs' copy behind, s", samples, "lag", [f"{region} sync" for region in regions], scale)]
    shown = [mark for mark in marks if mark.at >= start]
    flags = tuple(Flag(scale.x(mark.at), number, mark.what, mark.text, mark.at - start)
                  for number, mark in enumerate(shown, 1))
    return Timeline(tuple(lane for lane in lanes if lane.bars or lane.lines), flags, _ticks(scale))


def _of(attempts: Iterable[Attempt], reads: bool) -> list[Attempt]:
    kinds = ("track", "page", "static", "events", "state")
    return [attempt for attempt in attempts if (attempt.kind in kinds) == reads]


def _look(attempt: Attempt, regions: Sequence[str]) -> str:
    if attempt.outcome != "ok":
        return attempt.outcome
    return f"region{regions.index(attempt.region)}" if attempt.region in regions else "nobody"


def _requests(title: str, attempts: list[Attempt], scale: _Scale, regions: Sequence[str]) -> Lane:
    """Bars stacked by who answered, what failed on top, each at the time when it was asked."""
    step = (scale.end - scale.start) / BUCKETS
    counts: dict[int, Counter[str]] = {}
    for attempt in attempts:
        if attempt.start >= scale.start:
            counts.setdefault(int((attempt.start - scale.start) / step), Counter())[_look(attempt, regions)] += 1
    most = max((count.total() for count in counts.values()), default=1)
    order = [*(f"region{place}" for place in range(len(regions))), "nobody", "refused", "timeout", "connection"]
    names = {f"region{place}": f"answered in {region}" for place, region in enumerate(regions)} | {
        "nobody": "answered", "refused": "refused", "timeout": "no answer in time", "connection": "no connection"}
    bars, width = [], (WIDTH - LEFT) / BUCKETS
    for place, count in sorted(counts.items()):
        base = LANE
        for look in order:
            if count[look]:
                height = LANE * count[look] / most
                base -= height
                bars.append(Bar(round(LEFT + place * width, 1), round(base, 1), round(width, 2), round(height, 1), look,
                                f"{place * step:.1f} s: {count[look]} {names[look]}"))
    return Lane(title, LANE, f"{most / step:.0f}", tuple(bars))


def _states(region: str, samples: Sequence[Sample], scale: _Scale) -> Lane:
    """A strip for each service, coloured by what the region's own door says."""
    services = sorted({service for sample in samples for service in sample.states.get(region, {})})
    bars = []
    for row, service in enumerate(services):
        for state, begin, end in _spans([(sample.at, sample.states.get(region, {}).get(service, ""))
                                         for sample in samples]):
            bars.append(Bar(scale.x(begin), row * (STRIP + 2), max(1.0, round(scale.x(end) - scale.x(begin), 1)), STRIP,
                            f"state-{state or 'silent'}", f"{service} in {region}: {state or 'no answer'}"))
    return Lane(f"{region}: {', '.join(services)}", max(1, len(services)) * (STRIP + 2), bars=tuple(bars))


def _spans(seen: Sequence[tuple[float, str]]) -> list[tuple[str, float, float]]:
    spans: list[tuple[str, float, float]] = []
    for place, (at, state) in enumerate(seen):
        end = seen[place + 1][0] if place + 1 < len(seen) else at
        if spans and spans[-1][0] == state:
            spans[-1] = (state, spans[-1][1], end)
        else:
            spans.append((state, at, end))
    return spans


def _curves(title: str, samples: Sequence[Sample], figures: str, names: Sequence[str], scale: _Scale) -> Lane:
    most = max((getattr(sample, figures).get(name, 0) for sample in samples for name in names), default=0) or 1
    lines = []
    for place, name in enumerate(names):
        points = [f"{scale.x(sample.at)},{LANE - LANE * getattr(sample, figures)[name] / most:.1f}"
                  for sample in samples if name in getattr(sample, figures)]
        if points:
            lines.append(Line(" ".join(points), f"region{place}", name))
    return Lane(title, LANE, f"{most:.0f}", lines=tuple(lines))


def _ticks(scale: _Scale) -> tuple[tuple[float, str], ...]:
    length = scale.end - scale.start
    step = max(1, 10 ** math.floor(math.log10(length / 4)))
    step = next(step * factor for factor in (1, 2, 5, 10) if length / (step * factor) <= 12)
    return tuple((scale.x(scale.start + at), f"{at} s") for at in range(0, int(length) + 1, step))
