"""What is left in a region's journal, for operators and alerts.

`control/<writer service>.journal.json` of the own account:

    {"region": "westus", "walkedAt": "…Z", "entries": 3, "unconfirmed": 3, "earlierEpochs": 1,
     "oldestAcceptedAt": "…Z" | null, "writesHere": false, "lineage": {"epoch": 4, "region": "westus"} | null,
     "epoch": 4, "peerSeen": true, "build": "…"}

`walkedAt`: when the last walk began.  `earlierEpochs`: entries accepted in an earlier epoch than the newest one: the
platform is protected again when both regions have none of them, whatever their clocks say.  This and `oldestAcceptedAt`
are null while entries may be unseen: the last walk had to stop before its end, or the process is new.  `lineage` is the
own database's, null while it does not answer.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shipments.ledger import Look
from shipments.settings import Settings
from shipments.standing import Document

UNSEEN = 45.0
"""Seconds after which every entry showed at least once, whoever had received it before; and after which one that did
not show again was let go by somebody else."""
METRIC_SECONDS = 15.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """An entry as it was seen last; `seen` by the process's own clock."""

    accepted_at: datetime
    epoch: int
    seen: float


class Report:
    """Kept from walk to walk by the process that walks."""

    def __init__(self, settings: Settings, clock: Callable[[], float]):
        self._settings, self._clock, self._begun = settings, clock, clock()
        self._known: dict[str, Known] = {}
        self._length, self._complete, self._metric_at = 0, False, 0.0
        self._walked_at = datetime.now(UTC)

    def stays(self, entry_id: str, known: Known) -> None:
        self._known[entry_id] = known

    def left(self, entry_id: str) -> None:
        self._known.pop(entry_id, None)

    def walked(self, begun: datetime, length: int, complete: bool) -> None:
        """`length`: entries in the queue, hidden ones included."""
        now, self._length = self._clock(), length
        self._known = {entry: known for entry, known in self._known.items() if length and now - known.seen < UNSEEN}
        self._complete = complete and (length <= len(self._known) or now - self._begun >= UNSEEN)
        self._walked_at = begun

    def told(self, look: Look | None, document: Document, peer_seen: bool) -> dict[str, Any]:
        """The report's JSON; the same figures go to the log, for alerts, every 15 seconds."""
        known = self._known.values()
        oldest = min((entry.accepted_at for entry in known), default=None)
        if self._clock() >= self._metric_at:
            self._metric_at = self._clock() + METRIC_SECONDS
            age = max(0.0, (datetime.now(UTC) - oldest).total_seconds()) if oldest else 0.0
            log.info("metric journal region=%s oldest_seconds=%.1f entries=%d",
                     self._settings.region, age, self._length)
        return {"region": self._settings.region, "walkedAt": self._walked_at, "entries": self._length,
                "unconfirmed": max(self._length, len(known)),
                "earlierEpochs": sum(entry.epoch < document.epoch for entry in known) if self._complete else None,
                "oldestAcceptedAt": oldest if self._complete else None,
                "writesHere": bool(look and not look.in_recovery and look.lineage == document.lineage),
                "lineage": look.lineage._asdict() if look else None, "epoch": document.epoch, "peerSeen": peer_seen}
