"""Where the platform stands: the own region's control blob, which operators write; the initial state until they do.

`control/<service>.json`: {"epoch": 3, "activeRegion": "westus", "state": "failover", "reason": "…", "since": "…"}.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Literal

import orjson

from shipments.bodies import Blobs
from shipments.errors import Unavailable
from shipments.settings import CONTROL, Settings

State = Literal["active", "standby", "failover", "fenced"]
VALIDITY = 3.0
"""Seconds that a look at the blob counts for."""

FIRST = 1.0
"""Seconds that the first look is waited for: probes have to be answered while storage is away, too."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ControlState:
    """One service's state in this region."""

    service: str
    region: str
    epoch: int
    active_region: str
    state: State
    reason: str = ""
    since: str = ""


def is_serving(known: ControlState, primary_region: str) -> bool:
    """Whether the edge is to send requests here: not to a fenced region, nor to a better placed one that stands by
    after a failover until it is protected again."""
    if known.state == "standby":
        return known.region != primary_region
    return known.state != "fenced"


def initial(settings: Settings) -> ControlState:
    """What holds before operators have decided anything."""
    state: State = "active" if settings.region == settings.primary_region else "standby"
    return ControlState(settings.service, settings.region, 0, settings.primary_region, state)


class Control:
    """The newest state known: the last one is kept while the blob cannot be read; an older epoch never replaces it."""

    def __init__(self, settings: Settings, blobs: Blobs):
        self._blobs, self._known, self._until = blobs, initial(settings), 0.0
        self._reading: asyncio.Task[None] | None = None

    @property
    def epoch(self) -> int:
        """The newest epoch seen."""
        return self._known.epoch

    async def current(self) -> ControlState:
        """Never raises.  Only the first call waits, a little; later ones have it read behind them."""
        if time.monotonic() >= self._until:
            first, self._until = self._reading is None, time.monotonic() + VALIDITY
            self._reading = asyncio.create_task(self._read())
            if first:
                await asyncio.wait({self._reading}, timeout=FIRST)
        return self._known

    async def _read(self) -> None:
        try:
            blob = await self._blobs.find(f"{self._known.service}.json", CONTROL)
            told = self._parse(blob) if blob else None
        except Unavailable:
            return
        except (ValueError, KeyError, TypeError) as error:
            log.error("control blob of %s is not readable (%r); the last state is kept", self._known.service, error)
            return
        if told and told.epoch >= self._known.epoch:
            self._known = told

    def _parse(self, blob: bytes) -> ControlState:
        told = orjson.loads(blob)
        if told["state"] not in ("active", "standby", "failover", "fenced"):
            raise ValueError(f"unknown state {told['state']!r}")
        return ControlState(self._known.service, self._known.region, int(told["epoch"]), str(told["activeRegion"]),
                            told["state"], str(told.get("reason", "")), str(told.get("since", "")))
