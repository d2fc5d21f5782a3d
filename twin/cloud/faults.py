"""Which faults are on: what `python -m twin fault` asked for, kept in <home>/run/faults.json across daemons."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from twin.home import read_json, write_json

LAG = 2.0
"""Seconds by which storage geo-replication is behind when nobody asked for another lag."""
EDGE = "edge"


@dataclass(frozen=True)
class Fault:
    """`kind` is kill, freeze, partition, latency, lag, slow, busy or clock; `service` "" means the whole region;
    `side` (partition only) is edge, peer or all; `value` is ms (latency, slow), seconds (lag) or days (clock)."""

    kind: str
    region: str = ""
    service: str = ""
    side: str = ""
    value: float = 0.0


class FaultBook:
    """The faults in force; the concrete `twin.services.base.Faults`.

    `kind_of(account resource id)` tells (region, "queues" | "blobs" | "static" | "host") of a storage account."""

    def __init__(self, file: Path, kind_of: Callable[[str], tuple[str, str]]):
        self._file, self.kind_of = file, kind_of
        self._callbacks: list[Callable[[], None]] = []
        self.active: list[Fault] = [Fault(**fault) for fault in read_json(file, [])]

    def down(self, region: str) -> bool:
        """Whether the whole region is killed or frozen."""
        return any(fault.kind in ("kill", "freeze") and fault.region == region and not fault.service
                   for fault in self.active)

    def connected(self, a: str, b: str) -> bool:
        """Whether the network between two regions, or between "edge" and a region, is whole."""
        ends, sides = {a, b}, {"edge", "all"} if EDGE in (a, b) else {"peer", "all"}
        return a == b or not any(fault.kind == "partition" and fault.region in ends and fault.side in sides
                                 for fault in self.active)

    @property
    def lag(self) -> float:
        """Seconds."""
        return next((fault.value for fault in self.active if fault.kind == "lag"), LAG)

    @property
    def latency(self) -> float:
        """Round trip between the regions in ms."""
        return next((fault.value for fault in self.active if fault.kind == "latency"), 0.0)

    def busy(self, account: str) -> bool:
        """Whether that storage account answers 503 ServerBusy."""
        region, kind = self.kind_of(account)
        return any(fault.kind == "busy" and (fault.region, fault.service) == (region, kind) for fault in self.active)

    def clock_ahead(self, region: str) -> float:
        """Seconds by which the clocks of the region's storage are ahead."""
        return 86400 * sum(fault.value for fault in self.active if fault.kind == "clock" and fault.region == region)

    def on_change(self, callback: Callable[[], None]) -> None:
        """`callback` runs in the daemon's loop after every change."""
        self._callbacks.append(callback)

    def add(self, fault: Fault) -> None:
        """Puts it on; one that differs in its value only is replaced."""
        self._keep([other for other in self.active if _place(other) != _place(fault)] + [fault])

    def drop(self, region: str = "") -> list[Fault]:
        """Takes all faults off, or those of one region; returns them."""
        gone = [fault for fault in self.active if region in ("", fault.region)]
        self._keep([fault for fault in self.active if fault not in gone])
        return gone

    def _keep(self, faults: list[Fault]) -> None:
        self.active = faults
        write_json(self._file, [asdict(fault) for fault in faults])
        for callback in self._callbacks:
            callback()


def _place(fault: Fault) -> tuple[str, str, str, str]:
    return fault.kind, fault.region, fault.service, fault.side
