"""What the platform says of itself, twice a second: states, who serves, queues, journals, lags.

Storage is asked by REST with the operator's identity: the length of a queue is a header of its metadata
(https://learn.microsoft.com/rest/api/storageservices/get-queue-metadata), the journal's report is a blob, and Last Sync
Time comes from Resource Manager
(https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties, $expand=geoReplicationStats).
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Self

import aiohttp
import orjson
from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential

from failover.drill.history import History, Sample
from failover.drill.target import Target

EVERY, STORAGE_EVERY, SYNC_EVERY = 0.5, 1.0, 5.0
WITHIN = 1.5
STORAGE, ARM = "https://storage.azure.com/.default", "https://management.azure.com/.default"
VERSION = {"x-ms-version": "2021-12-02"}
GEO = "api-version=2023-05-01&$expand=geoReplicationStats"
Figures = dict[str, float]


class Sampler:
    """Adds a sample to the history every half second until it is closed; what does not answer is left out."""

    def __init__(self, target: Target, history: History):
        self.target, self.history = target, history
        self._kept: dict[str, Figures] = {"queues": {}, "journal": {}, "walk": {}, "sync": {}}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN))
        self._credential = DefaultAzureCredential()
        self._tasks = [asyncio.create_task(_again(every, look)) for every, look in (
            (EVERY, self._sample), (STORAGE_EVERY, self._storage), (SYNC_EVERY, self._sync))]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(self._session.close(), self._credential.close())

    async def _sample(self) -> None:
        at, target = time.time(), self.target
        asked = [(region, service, url.removesuffix("/") + "/state") for region, urls in target.doors.items()
                 for service, url in urls.items()]
        edge = [("api", f"{target.portal}/api/state"), ("web", f"{target.portal}/state")]
        told, through = await asyncio.gather(asyncio.gather(*(self._json(url) for _, _, url in asked)),
                                             asyncio.gather(*(self._json(url) for _, url in edge)))
        states: dict[str, dict[str, str]] = {}
        for (region, service, _), answer in zip(asked, told, strict=True):
            states.setdefault(region, {})[service] = (answer or {}).get("state", "")
        epochs = {region: answer["epoch"] for (region, service, _), answer in zip(asked, told, strict=True)
                  if answer and service == "api"}
        serving = {service: (answer or {}).get("region", "")
                   for (service, _), answer in zip(edge, through, strict=True)}
        kept = self._kept
        lag = {f"{region} {name}": seconds for name in ("walk", "sync") for region, seconds in kept[name].items()}
        self.history.add(Sample(at, states, epochs, serving, dict(kept["queues"]), dict(kept["journal"]), lag))

    async def _storage(self) -> None:
        await asyncio.gather(*(self._region(name) for name in self.target.platform.regions))

    async def _region(self, name: str) -> None:
        region, headers = self.target.platform.regions[name], await self._signed(STORAGE, VERSION)
        report = await self._json(f"{region.blob_uri}control/{self.target.platform.writer}.journal.json", headers)
        for figures in self._kept.values():
            if figures is not self._kept["sync"]:
                figures.pop(name, None)
        if report:
            self._kept["journal"][name] = report["entries"]
            oldest = report.get("oldestAcceptedAt")
            self._kept["walk"][name] = max(0.0, time.time() - _moment(oldest)) if oldest else 0.0
        if (length := await self._length(f"{region.queue_uri}commands?comp=metadata", headers)) is not None:
            self._kept["queues"][name] = length

    async def _length(self, url: str, headers: Mapping[str, str]) -> int | None:
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self._session.get(url, headers=headers) as response:
                if response.status == 200:
                    return int(response.headers["x-ms-approximate-messages-count"])
        return None

    async def _sync(self) -> None:
        """Last Sync Time of each region's blob account: RPO of what is merely replicated."""
        base = self.target.settings.arm or "https://management.azure.com"
        headers = await self._signed(ARM)
        for name, region in self.target.platform.regions.items():
            told = await self._json(f"{base}{region.blob_account_id}?{GEO}", headers)
            last = ((told or {}).get("properties", {}).get("geoReplicationStats") or {}).get("lastSyncTime")
            self._kept["sync"] |= {name: max(0.0, time.time() - _moment(last))} if last else {}

    async def _signed(self, scope: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {(await self._credential.get_token(scope)).token}", **(more or {})}

    async def _json(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        with suppress(aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError):
            async with self._session.get(url, headers=headers) as response:
                if response.status == 200:
                    found = orjson.loads(await response.read())
                    return found if isinstance(found, dict) else None
        return None


async def _again(every: float, look: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Looks that fail are left out: an operator's sign-in may be away during an outage, too."""
    while True:
        started = time.monotonic()
        with suppress(AzureError, KeyError, ValueError):
            await look()
        await asyncio.sleep(max(0.05, every - (time.monotonic() - started)))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
