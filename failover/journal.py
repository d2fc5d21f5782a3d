"""A region's journal report: what its walker last saw of commands that are not in both databases yet."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from azure.core.exceptions import AzureError

from failover.cloud import Cloud
from failover.control import Answer, read
from failover.errors import NotAsAsked
from failover.observation import FRESH, Journal, moment
from failover.steps import Applies, Confirm
from shipments.standing import Lineage

POLL = 0.25
HIDDEN = timedelta(seconds=5)
"""An entry is hidden for its first seconds; a walk that begins later than that has seen those that were there."""


class Journals:
    """Reports of both regions, and the waiting for what they shall say."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud

    async def look(self, region: str) -> Journal | None:
        """None when there is none, or one that cannot be read.  Raises AzureError."""
        answer = Answer()
        found = await read(self.cloud.control(region), f"{self.cloud.platform.writer}.journal.json", answer)
        return parse(found[0], answer.date or datetime.now(UTC)) if found else None

    async def applies(self, step: Applies) -> str:
        """Until the region's worker says that it applies on the lineage."""
        began = datetime.now(UTC)

        def good(journal: Journal) -> bool:
            return journal.writes_here and journal.lineage == step.lineage and journal.fresh

        journal = await self._until(step.region, good, step.limit, f"apply commands on lineage {step.lineage}")
        return f"{journal.unconfirmed} of {journal.entries} entries unconfirmed, {elapsed(began)}"

    async def confirm(self, step: Confirm) -> str:
        """Until neither region's journal holds anything older than the beginning of this step, by its own clock."""
        began = {region: await self._now(region) for region in self.cloud.platform.regions}

        async def one(region: str) -> Journal:
            def good(journal: Journal) -> bool:
                walked = journal.walked_at > began[region] + HIDDEN and journal.lineage == step.lineage
                newer = journal.oldest is None or journal.oldest > began[region]
                return walked and (journal.entries == 0 or (journal.earlier == 0 and newer))

            return await self._until(region, good, step.limit, "have every older entry confirmed in both databases")

        journals = await asyncio.gather(*map(one, began))
        return f"{sum(journal.entries for journal in journals)} newer entries"

    async def _now(self, region: str) -> datetime:
        answer = Answer()
        try:
            await read(self.cloud.control(region), f"{self.cloud.platform.writer}.json", answer)
        except AzureError as error:
            raise NotAsAsked(f"{region} stopped answering ({type(error).__name__}). Run the verb again when it does."
                             ) from error
        return answer.date or datetime.now(UTC)

    async def _until(self, region: str, good: Callable[[Journal], bool], limit: float, what: str) -> Journal:
        deadline, journal, why = time.monotonic() + limit, None, "there is no report"
        while time.monotonic() < deadline:
            try:
                journal = await self.look(region)
            except AzureError as error:
                why = f"its storage does not answer ({type(error).__name__})"
            else:
                if journal and good(journal):
                    return journal
                why = shown(journal)
            await asyncio.sleep(POLL)
        raise NotAsAsked(f"the worker in {region} did not {what} within {limit:.0f} s: {why}. Look at its log, then "
                         "run the same verb again: it goes on from here.")


def parse(blob: bytes, now: datetime) -> Journal | None:
    """The worker's report (shipments/report.py); None for what is none."""
    try:
        told: dict[str, Any] = orjson.loads(blob)
        walked, lineage = moment(told["walkedAt"]), told.get("lineage") or {"epoch": 0, "region": ""}
        if walked is None:
            return None
        return Journal(walked, max(0.0, (now - walked).total_seconds()), int(told["entries"]), int(told["unconfirmed"]),
                       moment(told.get("oldestAcceptedAt")), bool(told["writesHere"]),
                       Lineage(int(lineage["epoch"]), str(lineage["region"])), int(told.get("epoch") or 0),
                       bool(told.get("peerSeen")), str(told.get("build") or ""), told.get("earlierEpochs", 0))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def shown(journal: Journal | None) -> str:
    """One line about a report."""
    if journal is None:
        return "there is no report"
    if not journal.fresh:
        return f"its last report is {journal.age:.0f} s old (limit {FRESH:.0f} s)"
    return (f"it {'applies' if journal.writes_here else 'does not apply'} on lineage {tuple(journal.lineage)}, "
            f"{journal.unconfirmed} of {journal.entries} entries unconfirmed")


def elapsed(since: datetime) -> str:
    return f"{(datetime.now(UTC) - since).total_seconds():.1f} s"
