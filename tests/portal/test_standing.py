"""The table of states, for both apps: probes, reads, writes, and what is said about them."""

import httpx
import pytest

from tests.portal.fakes import MemoryShipments

FORM = {"sender": "Ada", "recipient": "Ben", "origin": "Boston", "destination": "Seattle", "key": "k-1"}
TABLE = [  # state, region (East is preferred), mode, probe, write accepted
    ("active", "eastus", "automatic", 200, True), ("active", "eastus", "manual", 200, True),
    ("standby", "westus", "automatic", 200, True), ("standby", "westus", "manual", 503, True),
    ("standby", "eastus", "automatic", 503, False), ("standby", "eastus", "manual", 503, False),
    ("failover", "westus", "automatic", 200, True), ("failover", "westus", "manual", 200, True),
    ("fenced", "eastus", "automatic", 503, False), ("fenced", "westus", "manual", 503, False)]


async def written(client: httpx.AsyncClient) -> httpx.Response:
    """What either app answers to a registration."""
    if client.app == "web":
        return await client.post("/shipments", data=FORM)
    return await client.post("/api/shipments", json={name: FORM[name] for name in ("sender", "recipient")})


@pytest.fixture(params=["api", "web"])
def client(request: pytest.FixtureRequest, api: httpx.AsyncClient, web: httpx.AsyncClient) -> httpx.AsyncClient:
    chosen = api if request.param == "api" else web
    chosen.app = request.param
    return chosen


@pytest.mark.parametrize(("state", "region", "mode", "probe", "accepted"), TABLE)
async def test_the_state_decides_over_probes_and_writes_but_never_over_reads(
        client: httpx.AsyncClient, domain: MemoryShipments, state: str, region: str, mode: str, probe: int,
        accepted: bool) -> None:
    domain.settings.mode = mode
    domain.set_state(state, region)
    row = f"{state} in {region}, {mode}"
    for method in ("GET", "HEAD"):
        assert (await client.request(method, "/healthz")).status_code == probe, f"{method} probe while {row}"
    assert (await written(client)).status_code in ((202, 303) if accepted else (503,)), f"write while {row}"
    where = "/" if client.app == "web" else "/api/capture"
    assert (await client.get(where)).status_code == 200, f"reads go on, whichever region the edge is left with: {row}"
    assert (await client.get("/livez")).status_code == 200, "App Service must not replace instances for it"


async def test_a_region_that_the_edge_is_led_away_from_goes_on_serving(
        client: httpx.AsyncClient, domain: MemoryShipments) -> None:
    domain.set_state("active", "eastus", leaving="eastus")
    assert (await client.get("/healthz")).status_code == 503, "the edge leaves"
    assert (await written(client)).status_code in (202, 303), "and nobody who is still here is refused"
    told = (await client.get("/state" if client.app == "web" else "/api/state")).json()
    assert told["leaving"] is True and told["state"] == "active", told
    domain.set_state("active", "eastus", leaving="westus")
    assert (await client.get("/healthz")).status_code == 200, "the other region leaving is nothing to this one"


async def test_a_probe_turns_with_the_state_not_with_the_next_look_at_the_dependencies(
        client: httpx.AsyncClient, domain: MemoryShipments) -> None:
    assert (await client.get("/healthz")).status_code == 200, "active"
    domain.set_state("fenced", "eastus")
    assert (await client.get("/healthz")).status_code == 503, "at once"
    assert domain.looks == 1, "without looking at the dependencies again"


@pytest.mark.parametrize(("state", "said"), [
    ("fenced", ["fenced", "moving to West"]), ("standby", ["standing by", "westus", "moving to West"])])
async def test_a_refused_write_says_why_since_when_and_when_to_try_again(
        api: httpx.AsyncClient, domain: MemoryShipments, state: str, said: list[str]) -> None:
    domain.set_state(state, "eastus", reason="moving to West")
    answer = await api.post("/api/shipments", json={})
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json" and problem["status"] == 503, problem
    assert all(words in problem["detail"] for words in [*said, "epoch 1", "2026-01-01"]), problem["detail"]
    assert answer.headers["retry-after"] in problem["detail"], "the next act, in words and as a header"
    assert not domain.results, "nothing was made durable"


async def test_the_standing_is_told_in_one_shape_by_both_apps(
        api: httpx.AsyncClient, web: httpx.AsyncClient, domain: MemoryShipments) -> None:
    domain.set_state("failover", "westus", reason="East is lost")
    domain.durability = "one-region"
    told = (await api.get("/api/state")).json()
    assert told == (await web.get("/state")).json() | {"service": told["service"]}, "the same words"
    assert told | {"state": "failover", "region": "westus", "activeRegion": "westus", "epoch": 1, "leaving": False,
                   "reason": "East is lost", "mode": "automatic", "durability": "one-region", "writable": True,
                   "build": "0123456789ab"} == told, told
    assert told["writer"] == {"epoch": 0, "activeRegion": "eastus", "lineage": {"epoch": 0, "region": ""}}, told


async def test_who_asks_again_and_again_is_told_only_what_changed(
        client: httpx.AsyncClient, domain: MemoryShipments) -> None:
    where = "/state" if client.app == "web" else "/api/state"
    first = await client.get(where)
    assert first.headers["cache-control"] == "no-cache", "nobody may answer it for us"
    known = {"If-None-Match": first.headers["etag"]}
    assert (await client.get(where, headers=known)).status_code == 304, "as before"
    domain.set_state("fenced", "eastus")
    assert (await client.get(where, headers=known)).status_code == 200, "a new epoch is another answer"


@pytest.mark.parametrize("durability", ["one-region", "two-regions"])
async def test_every_receipt_says_how_durable_it_is(
        api: httpx.AsyncClient, domain: MemoryShipments, durability: str) -> None:
    domain.durability = durability
    number = (await api.post("/api/shipments", json={})).json()["id"]
    comment = {"author": "Ada", "text": "x"}
    for wait in ({}, {"Prefer": "wait=1"}):
        answer = await api.post(f"/api/shipments/{number}/comments", json=comment, headers=wait)
        assert answer.headers["shipment-durability"] == durability == answer.json()["durability"], answer.text


async def test_strict_durability_refuses_what_it_cannot_promise(
        client: httpx.AsyncClient, domain: MemoryShipments) -> None:
    domain.settings.durability, domain.durability = "strict", "one-region"
    answer = await written(client)
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0, "not now, and when again"
    assert not domain.results, "nothing was made durable"
    domain.durability = "two-regions"
    assert (await written(client)).status_code in (202, 303), "with both regions it is"
