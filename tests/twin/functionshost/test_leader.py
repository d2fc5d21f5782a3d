"""Who leads when the leader stands still: a pretended lease in real, small time."""

import asyncio
import time
from types import SimpleNamespace

import pytest
from azure.core.exceptions import ResourceExistsError

from twin.functionshost import leader


class Blob:
    """A blob whose lease expires by itself; a lease that expired and was not taken can be renewed, as in Azure
    (https://learn.microsoft.com/rest/api/storageservices/lease-blob#remarks)."""

    def __init__(self):
        self.holder, self.until, self.times = "", 0.0, 0

    def get_blob_client(self, _: str) -> "Blob":
        return self

    async def create_container(self) -> None:
        raise ResourceExistsError("there")

    async def upload_blob(self, *_, **__) -> None:
        raise ResourceExistsError("there")

    async def acquire_lease(self, seconds: float) -> SimpleNamespace:
        if time.monotonic() < self.until:
            raise ResourceExistsError("LeaseAlreadyPresent")
        self.times += 1
        self.holder, self.until = f"host {self.times}", time.monotonic() + seconds
        return SimpleNamespace(renew=lambda who=self.holder: self.renew(who, seconds), release=self.release)

    async def renew(self, who: str, seconds: float) -> None:
        if who != self.holder:
            raise ResourceExistsError("LeaseIdMismatchWithLeaseOperation")
        self.until = time.monotonic() + seconds

    async def release(self) -> None:
        """A release of somebody else's lease is refused, which the leader does not mind."""
        raise ResourceExistsError("LeaseIdMismatchWithLeaseOperation")


@pytest.mark.parametrize("taken", [False, True], ids=["nobody took it", "another host took it"])
async def test_a_thawed_leader_leads_on_or_gives_way_and_comes_back(monkeypatch, taken):
    for name, value in (("LEASE", 0.6), ("RENEW", 0.1), ("RETRY", 0.05)):
        monkeypatch.setattr(leader, name, value)
    blob, stopping, working, began = Blob(), asyncio.Event(), [], []

    async def work() -> None:
        began.append(time.monotonic())
        try:
            while not stopping.is_set():
                working.append(blob.holder)
                await asyncio.sleep(0.02)
        finally:
            working.append("ended")
    leading = asyncio.create_task(leader.lead(blob, SimpleNamespace(id="app"), stopping, work))
    await asyncio.sleep(0.3)
    assert set(working) == {"host 1"}, "it leads"
    time.sleep(1)  # noqa: ASYNC251  as SIGSTOP does: nothing of this process runs
    if taken:
        blob.holder, blob.until = "another", time.monotonic() + 0.4
    await asyncio.sleep(1.5)
    assert (len(began), "ended" in working) == ((2, True) if taken else (1, False)), "one leader at a time"
    assert working[-1] == ("host 2" if taken else "host 1"), "and in the end it leads again"
    stopping.set()
    await asyncio.wait_for(leading, 5)
