"""What is asked of the planner, and what it answers."""

from dataclasses import dataclass
from typing import Literal

from failover.steps import Step

Verb = Literal["switchover", "failover", "reprotect", "failback", "salvage"]


@dataclass(frozen=True)
class Request:
    """`to`: the region that shall lead; "" where the verb finds it by itself.  `services`: () for all that move.
    `region` and `planned` are salvage's.  `by` is written into the control documents."""

    verb: Verb
    to: str = ""
    services: tuple[str, ...] = ()
    force: bool = False
    by: str = ""
    region: str = ""
    planned: bool = False


@dataclass(frozen=True)
class Plan:
    """Steps in their order; () when everything is as asked already.  `request` names the region that was found, so
    that it goes on from an interruption."""

    request: Request
    title: str
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()

    @property
    def destructive(self) -> bool:
        """Whether a step can lose data or cannot be taken back."""
        return any(step.destructive for step in self.steps)

    @property
    def seconds(self) -> float:
        """Estimate for Azure."""
        return sum(step.seconds for step in self.steps)


@dataclass(frozen=True)
class Refusal:
    """Why nothing is done: the limit, the value that was found, the reason, the next act."""

    limit: str
    value: str
    reason: str
    act: str

    def __str__(self) -> str:
        return f"{self.limit}: {self.value}. {self.reason} {self.act}"


class Refused(Exception):
    """Carries a refusal out of the depths of a planner."""

    def __init__(self, limit: str, value: str, reason: str, act: str):
        self.refusal = Refusal(limit, value, reason, act)
        super().__init__(str(self.refusal))
