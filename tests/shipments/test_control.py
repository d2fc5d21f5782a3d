"""Control state: what operators wrote, else the initial one, and the last one known while nothing can be read."""

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from shipments import control
from shipments.control import Control, ControlState, initial, is_serving
from shipments.errors import Unavailable
from shipments.settings import Settings

SETTINGS = Settings(
    service="api",
    region="eastus",
    peer_region="westus",
    primary_region="eastus",
    client_id="",
    queues="",
    peer_queues="",
    blobs="",
    peer_blobs="",
    redis_host="",
    redis_user="",
    database_host="",
    database_peer_host="",
    database_name="",
    database_user="",
)
WEST = replace(SETTINGS, region="westus", peer_region="eastus")


class Blob:
    """A control blob; `content` may be an error to raise."""

    content: bytes | Exception | None = None

    async def find(self, name: str, container: str) -> bytes | None:
        assert (name, container) == ("api.json", "control"), "this is where operators write"
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


def told(**changes: object) -> bytes:
    return orjson.dumps(
        {"epoch": 1, "activeRegion": "westus", "state": "fenced", "reason": "drill", "since": "now", **changes}
    )


@pytest.fixture
def blob(monkeypatch: pytest.MonkeyPatch) -> Blob:
    monkeypatch.setattr(control, "VALIDITY", 0)
    return Blob()


async def test_until_operators_decide_the_primary_region_is_active(blob: Blob) -> None:
    assert (await Control(SETTINGS, blob).current()).state == "active", "its primary region"
    assert (await Control(WEST, blob).current()).state == "standby", "the other one"


async def test_what_operators_wrote_holds(blob: Blob) -> None:
    blob.content = told()
    known = await Control(SETTINGS, blob).current()
    assert (known.state, known.epoch, known.active_region, known.reason) == ("fenced", 1, "westus", "drill"), (
        "all of it"
    )


@pytest.mark.parametrize(
    "later",
    [
        None,
        Unavailable("blob storage"),
        b"{",
        b"[]",
        told(epoch=0),
        told(epoch="x"),
        told(state="asleep"),
        b'{"epoch": 9}',
    ],
)
async def test_what_cannot_be_read_or_is_older_changes_nothing(blob: Blob, later: bytes | Exception | None) -> None:
    blob.content = told()
    control = Control(SETTINGS, blob)
    before = await control.current()
    blob.content = later
    await control.current()
    assert await control.current() == before, "the last one known is kept"


async def test_a_newer_epoch_is_noticed_behind_a_request(blob: Blob) -> None:
    control = Control(SETTINGS, blob)
    await control.current()
    blob.content = told(epoch=2)
    await control.current()
    await control._reading
    assert control.epoch == 2, "without a request having waited for it"


SERVING: list[tuple[Callable[[ControlState], ControlState], Settings, bool]] = [
    (lambda known: known, SETTINGS, True),
    (lambda known: known, WEST, True),
    (lambda known: replace(known, state="failover"), WEST, True),
    (lambda known: replace(known, state="fenced"), SETTINGS, False),
    (lambda known: replace(known, state="fenced"), WEST, False),
    (lambda known: replace(known, state="standby"), SETTINGS, False),
]


@pytest.mark.parametrize(("change", "settings", "expected"), SERVING)
def test_the_edge_sends_requests_where_they_belong(
    change: Callable[[ControlState], ControlState], settings: Settings, expected: bool
) -> None:
    state = change(initial(settings))
    assert is_serving(state, settings.primary_region) is expected, f"{state.state} in {settings.region}"
