"""What a scenario is made of.  Steps are data; `run.py` does them.

In arguments, `{home}` is the region that is primary by configuration, `{other}` is its peer, and `{static}`
is the region in which static content is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wait:
    """Let the load run.  The seed adds up to `jitter` seconds, so that what follows comes at another instant."""

    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True)
class Fault:
    """`FAILOVER_FAULTS …`: break something.  The first one of a scenario is what times are counted from."""

    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Heal:
    """Everything, or one region."""

    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verb:
    """`failover … --yes --json` as a process of its own, as an operator runs it.

    `interrupted`: kill it at its first step, run it again and kill it at the second, and so on until it gets through.
    `codes`: the exit codes that are as they should be."""

    arguments: tuple[str, ...]
    interrupted: bool = False
    codes: tuple[int, ...] = (0,)
    within: float = 900.0


@dataclass(frozen=True)
class Until:
    """Wait for a condition of `conditions.py`; missing its deadline fails the scenario."""

    condition: str
    within: float
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class LargeCapture:
    """A document of that many bytes, acknowledged before the next step begins."""

    size: int = 10_000_000


@dataclass(frozen=True)
class Photo:
    """A photo of that many bytes, acknowledged before the next step begins."""

    size: int = 3_000_000


@dataclass(frozen=True)
class Backlog:
    """Commands taken as fast as the platform takes them."""

    count: int


@dataclass(frozen=True)
class Doors:
    """From now on, these shares of the writes go past the edge, to the region's own door."""

    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ask:
    """One request with the answer that it must get."""

    what: str
    path: str
    expect: tuple[int, ...]
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    door: str = "edge"


@dataclass(frozen=True)
class StillTrue:
    """The stack's preview neither replaces nor deletes anything, nor switches roles back."""


Step = Wait | Fault | Heal | Verb | Until | LargeCapture | Photo | Backlog | Doors | Ask | StillTrue


@dataclass(frozen=True)
class Deadlines:
    """Seconds within which things must be back, and what must not be touched at all."""

    read: float | None = None
    """From the fault until reads last again."""
    acknowledge: float | None = None
    process: float | None = None
    """From the verb until commands are applied again."""
    away_reads: float | None = None
    """The longest time without a good read, at any moment of the drill."""
    away_writes: float | None = None
    unharmed: tuple[str, ...] = ()
    """Services of which no request may fail."""


@dataclass(frozen=True)
class Scenario:
    """`loses`: with a rule of the journal switched off, the checker must find a loss: then that is the success."""

    name: str
    title: str
    proves: str
    steps: tuple[Step, ...]
    deadlines: Deadlines = Deadlines()
    standard: bool = False
    loses: bool = False
    rates: Mapping[str, float] = field(default_factory=dict)
    """Requests a second by kind, where they differ from the load's own."""
