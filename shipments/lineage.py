"""Whether this region applies commands: its own database takes writes and is of the lineage that operators decided on.

A forced promote starts a lineage.  Its document comes first, then the promote; the promoted region's worker writes the
lineage into the database before it applies anything, so that the database that was left behind can be told from it.
"""

import time
from collections.abc import Callable

from shipments.control import Control
from shipments.errors import Unavailable
from shipments.ledger import Look, Writing
from shipments.settings import Settings
from shipments.standing import Document, Lineage

LOOK_SECONDS = 1.0
"""How long what the database said about itself counts; every apply checks the lineage again, in its own statement."""


class Authority:
    """This region's answer to "are commands applied here?"."""

    def __init__(self, settings: Settings, control: Control, own: Writing,
                 clock: Callable[[], float] = time.monotonic):
        self._settings, self._control, self._own, self._clock = settings, control, own, clock
        self._look: Look | None = None
        self._until = 0.0

    async def lineage(self) -> Lineage | None:
        """The lineage to apply on; None where another region applies.  Raises Unavailable while that cannot be told."""
        document = await self._control.writer()
        try:
            look = await self._looked()
            if not look.in_recovery and self._is_to_begin(document, look):
                await self._own.begin(document.lineage)
                self._until = 0.0
                look = await self._looked()
        except Unavailable:
            if document.active_region == self._settings.region:
                raise
            return None
        return None if look.in_recovery or not self.counts(look, document) else look.lineage

    def counts(self, look: Look, document: Document) -> bool:
        """Whether a database of this look counts as holding what it holds."""
        return look.lineage == document.lineage or "lineage" in self._settings.journal_without

    def _is_to_begin(self, document: Document, look: Look) -> bool:
        """Only in the promoted region, and only forward; never for a database that was left behind elsewhere."""
        own = self._settings.region
        return (document.lineage.region == document.active_region == own and look.lineage < document.lineage
                and "lineage" not in self._settings.journal_without)

    async def _looked(self) -> Look:
        if self._look is None or self._clock() >= self._until:
            until = self._clock() + LOOK_SECONDS
            self._look, self._until = await self._own.look(), until
        return self._look
