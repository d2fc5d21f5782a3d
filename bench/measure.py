"""A figure of a bench, and how it is shown."""

import statistics
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measurement beside its floor, both taken in the same run."""

    name: str
    value: float
    floor: float
    unit: str
    goal: float
    at_least: bool = False
    """Whether the ratio should be at least the goal (rates) or at most (times)."""

    @property
    def ratio(self) -> float:
        return self.value / self.floor

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal

    def row(self) -> dict[str, Any]:
        """The JSON form that `.twin/bench/latest.json` keeps."""
        return {**asdict(self), "ratio": round(self.ratio, 3), "met": self.met}


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def ended(process: subprocess.Popen) -> None:
    """Ends a process that this bench started: TERM, then KILL after 5 s."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
