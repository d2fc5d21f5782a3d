"""The figures of one drill, held against what was promised and against the scenario's deadlines."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from failover.drill import measure
from failover.drill.checker import Travel, Verdict
from failover.drill.history import READS, WRITES, Attempt, History, Mark
from failover.drill.steps import Deadlines, Scenario
from failover.platform import Platform

MOVES = ("failover --to", "failover failover", "failover switchover")


@dataclass(frozen=True)
class ServiceFigures:
    """One service over the whole drill: what its owner promises, and what was measured."""

    name: str
    requests: int
    failed: int
    availability: float
    away: float
    """Seconds of the longest time without a good answer."""
    lost: int
    target_availability: float
    target_rto: float
    target_rpo: float


@dataclass(frozen=True)
class Result:
    """`rto`: seconds by read, acknowledge and process; None for what did not come back while the load ran.
    `problems`: why the drill failed, in sentences; none when it went as it should."""

    scenario: str
    title: str
    seed: int
    started: float
    took: float
    acknowledged: int
    one_region: int
    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    travels: tuple[Travel, ...]
    requests: int
    failed: int
    rto: dict[str, float | None]
    away: dict[str, float]
    """The longest time, in seconds, without a good read or write."""
    services: tuple[ServiceFigures, ...]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.problems

    def row(self) -> dict[str, Any]:
        """The agreed keys of `latest.json`, and more."""
        rounded = {name: None if seconds is None else round(seconds, 3) for name, seconds in self.rto.items()}
        return {"scenario": self.scenario, "seed": self.seed, "acknowledged": self.acknowledged,
                "one_region": self.one_region, "lost": len(self.lost), "duplicated": len(self.duplicated),
                "requests": self.requests, "failed": self.failed, "rto_seconds": rounded,
                "time_travel": len(self.travels), "passed": self.passed, "problems": list(self.problems),
                "away_seconds": {name: round(seconds, 3) for name, seconds in self.away.items()},
                "started": self.started, "took_seconds": round(self.took, 1),
                "services": [asdict(service) for service in self.services]}


def judge(scenario: Scenario, seed: int, started: float, history: History, verdict: Verdict, problems: Sequence[str],
          platform: Platform) -> Result:
    """Adds to the run's own problems what the verdict and the deadlines say."""
    attempts = history.attempts
    rto = times(history)
    away = {name: measure.longest_away(measure.at_edge(attempts, kinds))
            for name, kinds in (("read", READS), ("write", WRITES))}
    services = tuple(_service(platform, name, attempts, len(verdict.lost)) for name in ("web", "api", "static")
                     if name in platform.services)
    found = [*problems, *_lost(scenario, verdict), *_late(scenario.deadlines, rto, away),
             *(f"{service.name} was not to be touched, and {service.failed} of its requests failed"
               for service in services if service.failed and service.name in scenario.deadlines.unharmed)]
    sent = [attempt for attempt in attempts if attempt.door == "edge"]
    return Result(scenario.name, scenario.title, seed, started, time.time() - started, verdict.acknowledged,
                  verdict.one_region, verdict.lost, verdict.duplicated, verdict.travels, len(sent),
                  sum(attempt.outcome != "ok" for attempt in sent), rto, away, services, tuple(found))


def times(history: History) -> dict[str, float | None]:
    """Reads and acknowledgements from the fault (else the verb), processing from the verb (else the fault)."""
    fault, verb = _first(history.marks, "fault"), _move(history.marks)
    since, ordered = fault or verb, verb or fault
    if since is None or ordered is None:
        return {"read": 0.0, "acknowledge": 0.0, "process": 0.0}
    until = _until(history.marks, ordered)
    return {"read": measure.recovery(measure.at_edge(history.attempts, READS, end=until), since),
            "acknowledge": measure.recovery(measure.at_edge(history.attempts, WRITES, end=until), since),
            "process": measure.processing(history.found.values(), ordered, until)}


def _first(marks: Sequence[Mark], what: str) -> float | None:
    return next((mark.at for mark in marks if mark.what == what), None)


def _move(marks: Sequence[Mark]) -> float | None:
    return next((mark.at for mark in marks if mark.what == "verb" and mark.text.startswith(MOVES)), None)


def _until(marks: Sequence[Mark], since: float) -> float:
    """When the next thing is done to the platform on purpose, so that its own cost does not count for this one."""
    later = [mark.at for mark in marks if mark.at > since and mark.what in ("heal", "end")]
    return min(later, default=float("inf"))


def _service(platform: Platform, name: str, attempts: Sequence[Attempt], lost: int) -> ServiceFigures:
    kinds = {attempt.kind for attempt in attempts if attempt.service == name}
    asked, targets = measure.at_edge(attempts, kinds), platform.services[name].targets
    return ServiceFigures(name, len(asked), sum(attempt.outcome != "ok" for attempt in asked),
                          measure.availability(asked), measure.longest_away(asked), lost if name == "api" else 0,
                          targets.availability, targets.rto_seconds, targets.rpo_seconds)


def _lost(scenario: Scenario, verdict: Verdict) -> list[str]:
    """Where a rule is switched off on purpose, a checker that finds nothing is what is wrong."""
    if scenario.loses:
        return [] if verdict.lost or verdict.travels else [
            "nothing was lost: is the rule switched off (JOURNAL_WITHOUT) in the apps that run?"]
    told = []
    if verdict.lost:
        told.append(f"{len(verdict.lost)} acknowledged commands are lost: {', '.join(verdict.lost[:3])}")
    if verdict.duplicated:
        told.append(f"{len(verdict.duplicated)} commands had their effect twice: {', '.join(verdict.duplicated[:3])}")
    if verdict.travels:
        worst = max(verdict.travels, key=lambda travel: travel.behind - travel.allowed)
        told.append(f"{len(verdict.travels)} reads went back in time, one by {worst.behind:.1f} s in {worst.region} "
                    f"where {worst.allowed:.1f} s were announced")
    return told


def _late(deadlines: Deadlines, rto: dict[str, float | None], away: dict[str, float]) -> list[str]:
    measured = {"read": rto["read"], "acknowledge": rto["acknowledge"], "process": rto["process"],
                "away_reads": away["read"], "away_writes": away["write"]}
    return [f"{name.replace('_', ' ')}: {'never' if seconds is None else f'{seconds:.1f} s'}, at most {limit:.1f} s"
            for name, seconds in measured.items()
            if (limit := getattr(deadlines, name)) is not None and (seconds is None or seconds > limit)]
