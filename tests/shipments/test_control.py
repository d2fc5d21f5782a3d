"""Control state: the newest document of both regions holds, and the last one known while nothing can be read."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from shipments import control
from shipments.control import Control, ControlState, accepts, is_serving
from shipments.errors import Unavailable
from shipments.settings import Settings
from shipments.standing import Document, Lineage, State, initial

SETTINGS = Settings(
    service="api", region="eastus", peer_region="westus", primary_region="eastus", client_id="", queues="",
    peer_queues="", blobs="", peer_blobs="", redis_host="", redis_user="", database_host="", database_peer_host="",
    database_name="", database_user="")
WEST = replace(SETTINGS, region="westus", peer_region="eastus")
Content = bytes | Exception | None


class Accounts:
    """Both regions' control blobs by (peer, name); a content may be an error to raise, or `hangs`."""

    def __init__(self) -> None:
        self.contents: dict[tuple[bool, str], Content] = {}
        self.hanging: set[bool] = set()

    async def find(self, name: str, container: str, *, peer: bool = False) -> bytes | None:
        assert container == "control", "this is where operators write"
        if peer in self.hanging:
            await asyncio.Event().wait()
        content = self.contents.get((peer, name))
        if isinstance(content, Exception):
            raise content
        return content


def told(epoch: int = 1, active: str = "westus", service: str = "api", east: State = "fenced",
         **changes: object) -> bytes:
    document = Document(service, epoch, active, {"eastus": east, "westus": "failover"}, "drill", "now")
    return replace(document, **changes).encode("eastus")


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Accounts:
    for name, seconds in (("INTERVAL", 0.01), ("LOOK", 0.05), ("START", 0.1)):
        monkeypatch.setattr(control, name, seconds)
    return Accounts()


@asynccontextmanager
async def opened(accounts: Accounts, settings: Settings = SETTINGS) -> AsyncIterator[Control]:
    reading = Control(settings, accounts)
    await reading.open()
    try:
        yield reading
    finally:
        await reading.close()


async def looked(reading: Control, times: int = 4) -> ControlState:
    """What is known after some more looks."""
    await asyncio.sleep(times * 0.02)
    return await reading.current()


async def test_until_operators_decide_the_primary_region_is_active(accounts: Accounts) -> None:
    async with opened(accounts) as east, opened(accounts, WEST) as west:
        assert (await east.current()).state == "active", "its primary region"
        assert (await west.current()).state == "standby", "the other one"


@pytest.mark.parametrize("peer", [False, True])
async def test_what_operators_wrote_holds_wherever_it_is_found(accounts: Accounts, peer: bool) -> None:
    accounts.contents[peer, "api.json"] = told()
    async with opened(accounts) as reading:
        known = await reading.current()
    assert (known.state, known.epoch, known.active_region, known.reason) == ("fenced", 1, "westus", "drill"), (
        "before the first request is served, and with this region's own state though the other one's blob told it"
    )


@pytest.mark.parametrize("later", [None, Unavailable("blob storage"), b"{", b"[]", told(epoch=0, active="eastus"),
                                   told(active="eastus"), b'{"epoch": "x"}', told().replace(b"fenced", b"asleep"),
                                   b'{"epoch": 9}', b'{"epoch": -1, "activeRegion": "eastus"}'])
async def test_what_cannot_be_read_or_is_older_changes_nothing(accounts: Accounts, later: Content) -> None:
    accounts.contents[False, "api.json"] = told()
    async with opened(accounts) as reading:
        before = await reading.current()
        accounts.contents[False, "api.json"] = later
        assert await looked(reading) == before, "the last one known is kept"


async def test_a_newer_epoch_is_noticed_behind_requests(accounts: Accounts) -> None:
    async with opened(accounts) as reading:
        await reading.current()
        accounts.contents[True, "api.json"] = told(epoch=2)
        assert (await looked(reading)).epoch == 2, "without a request having waited for it"
        accounts.contents[False, "api.json"] = told(epoch=2, east="standby")
        assert (await looked(reading)).state == "standby", "of one epoch, the own region's blob is what holds here"


async def test_of_two_decisions_with_one_number_both_regions_choose_the_same(accounts: Accounts) -> None:
    for peer, active in ((False, "eastus"), (True, "westus")):
        accounts.contents[peer, "api.json"] = told(epoch=1, active=active)
    async with opened(accounts) as reading:
        assert (await reading.current()).active_region == "westus", "epochs are ordered by number, then by region"


async def test_a_peer_that_hangs_delays_the_start_a_little_and_nothing_later(accounts: Accounts) -> None:
    accounts.hanging.add(True)
    accounts.contents[False, "api.json"] = told()
    async with opened(accounts) as reading:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert (await reading.current()).epoch == 1, "its own document holds while nobody else can be asked"
        assert loop.time() - begun < 0.5, "the wait for the peer has an end"
        accounts.contents[False, "api.json"] = told(epoch=2)
        assert (await looked(reading)).epoch == 2, "the own region is read all the same"
        assert reading.peer_view is None, "what never answered was not seen"


async def test_the_views_age_is_counted_from_when_the_look_began(accounts: Accounts) -> None:
    async with opened(accounts) as reading:
        await reading.current()
        seen = reading.peer_view
        assert seen and seen.document == initial("worker", "eastus", "westus"), "no blob is the first state, seen"
        accounts.contents[True, "worker.json"] = b"{"
        await looked(reading)
        last = reading.peer_view
        await looked(reading)
        assert reading.peer_view == last, "what is not readable is no view, so its age grows"


async def test_the_writers_document_is_followed_beside_the_own_one(accounts: Accounts) -> None:
    accounts.contents[True, "worker.json"] = told(epoch=3, service="worker", lineage=Lineage(3, "westus"))
    async with opened(accounts) as reading:
        assert (await reading.writer()).lineage == Lineage(3, "westus"), "it decides about the database"
        assert (await reading.current()).epoch == 0, "and not about this service"


SERVING: list[tuple[Callable[[Document], Document], Settings, bool, bool]] = [
    (lambda document: document, SETTINGS, True, True),
    (lambda document: document, WEST, True, True),
    (lambda document: document, replace(WEST, mode="manual"), False, True),
    (lambda document: document.with_state("westus", "failover"), replace(WEST, mode="manual"), True, True),
    (lambda document: document.with_state("eastus", "fenced"), SETTINGS, False, False),
    (lambda document: document.with_state("westus", "fenced"), WEST, False, False),
    (lambda document: document.with_state("eastus", "standby"), SETTINGS, False, False),
    (lambda document: replace(document, leaving="eastus"), SETTINGS, False, True),
]


@pytest.mark.parametrize(("change", "settings", "serving", "writing"), SERVING)
def test_the_edge_sends_requests_where_they_belong(
    change: Callable[[Document], Document], settings: Settings, serving: bool, writing: bool
) -> None:
    known = ControlState(change(initial("api", "eastus", "westus")), settings.region)
    assert is_serving(known, settings) is serving, f"{known.state} in {known.region}, {settings.mode}"
    assert accepts(known, settings) is writing, f"{known.state} in {known.region}, {settings.mode}"
