"""What clients see of an origin that dies, hangs, is cut off or drains; and that nothing but reads is sent twice."""

import asyncio
import time

import pytest

from tests.twin.services.origins import PROBE, Load, Origin
from tests.twin.services.sites import ask, eventually
from tests.twin.services.test_edge import PROFILE, make_profile
from twin.cloud.faults import Fault
from twin.services.base import Resource
from twin.services.edge import change_origin

PRIMARY_STACK = {"interval": 5, "size": 2, "required": 2}
WINDOW = 10.0
"""Seconds: the longest time until a lost region is left, with the primary stack's settings."""


@pytest.fixture
async def origins(cloud):
    pair = [await Origin(name, cloud.tls).back() for name in ("east", "west")]
    yield pair
    for origin in pair:
        await origin.away()


async def serve(cloud, arm, origins, interval: int = 1, size: int = 2, required: int = 2) -> str:
    """One service behind the edge, the first origin before the second; returns its URL."""
    profile, group = await make_profile(arm), f"{PROFILE}/originGroups/web"
    await arm.put("cdn:AFDOriginGroup", group,
                  loadBalancingSettings={"sampleSize": size, "successfulSamplesRequired": required},
                  healthProbeSettings={"probePath": PROBE, "probeRequestType": "HEAD",
                                       "probeIntervalInSeconds": interval})
    for priority, origin in enumerate(origins, 1):
        await arm.put("cdn:AFDOrigin", f"{group}/origins/{origin.name}", hostName=origin.host, priority=priority,
                      originHostHeader=origin.host, weight=1000, enabledState="Enabled")
    await arm.put("cdn:Route", f"{PROFILE}/afdEndpoints/portal/routes/web", originGroup={"id": arm.id(group)},
                  patternsToMatch=["/*"])
    assert not await cloud.settle(), "the edge serves"
    return profile["url"]


async def test_a_dead_origin_costs_no_read_and_writes_go_to_the_other_one_within_the_window(cloud, arm, origins):
    url, (east, west) = await serve(cloud, arm, origins, **PRIMARY_STACK), origins
    async with Load(url, ("GET", "POST")) as load:
        await load.until("east")
        died = time.monotonic()
        await east.away()
        assert await load.until("west", "POST") - died < WINDOW, "writes are back in time"
        await load.until("west", "GET")
    assert not load.failed("GET"), "reads were tried on the other origin at once"
    assert len(load.failed("POST")) <= load.clients, "no more writes failed than were under way"
    assert not set(east.seen) & set(west.seen) - {seen for seen in west.seen if seen[0] == "GET"}, "none was sent twice"


async def test_an_origin_that_hangs_is_left_within_the_window_and_its_reads_end_well_elsewhere(cloud, arm, origins):
    url, (east, west) = await serve(cloud, arm, origins, **PRIMARY_STACK), origins
    async with Load(url, ("GET", "POST")) as load:
        await load.until("east")
        froze = time.monotonic()
        east.mood = "hanging"
        assert await load.until("west", "POST") - froze < WINDOW, "writes are back in time"
        assert await load.until("west", "GET") - froze < WINDOW, "reads are back in time"
    assert max(end - began for began, end, *_ in load.outcomes) < WINDOW, "no request hung for longer"
    assert not load.failed("GET"), "the hanging reads were asked of the other origin"
    assert len(load.failed("POST")) <= load.clients, "only the writes that hung failed"
    sent = [seen for seen in east.seen + west.seen if seen[0] == "POST"]
    assert len(sent) == len(set(sent)), "no write was sent twice"


async def test_a_draining_origin_is_left_and_finishes_what_it_began(cloud, arm, origins):
    url, (east, _) = await serve(cloud, arm, origins), origins
    async with Load(url, ("GET", "POST")) as load:
        await load.until("east")
        east.slow = 4.0
        await asyncio.sleep(1)
        east.mood = "fenced"
        await load.until("west", "POST")
        await asyncio.sleep(4)
    assert {outcome[3] for outcome in load.outcomes} == {200}, "a planned move fails nothing, neither read nor write"


@pytest.mark.parametrize("mood", ["resetting", "closing"])
async def test_a_write_whose_connection_ended_after_it_was_sent_is_never_sent_again(cloud, arm, origins, mood):
    url, (east, west) = await serve(cloud, arm, origins), origins
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        east.mood = "well"
        assert (await ask(cloud, method, f"{url}/first")).status_code == 200, "a connection is open and kept"
        east.mood = mood
        for number in range(3):
            answer = await ask(cloud, method, f"{url}/{number}", content=b"x" * 70000)
            assert answer.status_code in (502, 503), "the client learns that it is not known what became of it"
            assert (east.seen + west.seen).count((method, f"/{number}")) == 1, "it reached one origin, once"


async def test_a_read_whose_connection_ended_is_asked_of_the_other_origin(cloud, arm, origins):
    url, (east, west) = await serve(cloud, arm, origins), origins
    east.mood = "resetting"
    answer = await ask(cloud, "GET", f"{url}/page")
    assert (answer.status_code, answer.text) == (200, "west"), "the client sees nothing of it"
    assert ("GET", "/page") in east.seen, "it was asked first"
    assert (await ask(cloud, "HEAD", f"{url}/page")).status_code == 200, "and so is a HEAD"
    assert west.seen[-1][0] == "HEAD", "which the other one answered"
    west.mood = "fenced"

    async def told() -> bool:
        return (await ask(cloud, "GET", f"{url}/page")).status_code in (502, 503)
    assert await eventually(told), "an origin that is not healthy is not asked either"


async def test_swapped_priorities_lead_to_whoever_is_healthy_then(cloud, arm, origins):
    url, (east, west) = await serve(cloud, arm, origins), origins

    async def is_answered_by(name: str) -> bool:
        return (await ask(cloud, "GET", url)).text == name
    east.mood = "fenced"
    await eventually(lambda: is_answered_by("west"))
    group = f"{PROFILE}/originGroups/web"
    for priority, origin in enumerate((west, east), 1):
        await arm.put("cdn:AFDOrigin", f"{group}/origins/{origin.name}", hostName=origin.host, priority=priority,
                      originHostHeader=origin.host, weight=1000, enabledState="Enabled")
    assert not await cloud.settle(), "the edge took the new priorities"
    assert await is_answered_by("west"), "the healthy origin serves through the change"
    east.mood, west.mood = "well", "fenced"
    assert await eventually(lambda: is_answered_by("east")), "what was down before the change is seen to be up after it"


@pytest.mark.parametrize(("size", "required", "left", "back"), [(2, 2, 1, 2), (3, 1, 3, 1), (4, 3, 2, 3)])
async def test_so_many_of_the_last_probes_decide(cloud, arm, origins, size, required, left, back):
    url, (east, _) = await serve(cloud, arm, origins, 1, size, required), origins

    async def who(name: str) -> int:
        before = east.probes
        await eventually(lambda: is_answered_by(name))
        return east.probes - before

    async def is_answered_by(name: str) -> bool:
        return (await ask(cloud, "GET", url)).text == name
    east.mood = "fenced"
    assert left <= (await who("west") + 1) / 2 <= left + 1, "it was left after so many failures (two checks a probe)"
    east.mood = "well"
    assert back <= (await who("east") + 1) / 2 <= back + 1, "and taken back after so many successes"


async def test_when_no_origin_is_healthy_all_are_asked_in_turn(cloud, arm, origins):
    url = await serve(cloud, arm, origins)
    for origin in origins:
        origin.mood = "fenced"

    async def both() -> bool:
        return {(await ask(cloud, "GET", url)).text for _ in range(6)} == {"east", "west"}
    await eventually(both)


async def test_a_region_that_is_cut_off_is_left_within_the_window_and_taken_back(cloud, arm, origins):
    east, west = origins
    for origin in origins:
        site = Resource(arm.id(f"Microsoft.Web/sites/{origin.name}"), "azure-native:web:WebApp", origin.name,
                        {"location": origin.name}, {"defaultHostName": origin.host}, f"{origin.name}us")
        cloud.registry.save(site)
    url = await serve(cloud, arm, origins, **PRIMARY_STACK)
    async with Load(url, ("GET", "POST")) as load:
        await load.until("east")
        cut = time.monotonic()
        cloud.faults.add(Fault("partition", "eastus", side="edge"))
        await cloud.tell_of_faults()
        assert await load.until("west", "POST") - cut < WINDOW, "writes are back in time"
        assert await load.until("west", "GET") - cut < WINDOW, "reads are back in time"
        probes = east.probes
        await asyncio.sleep(6)
        assert east.probes == probes, "no probe reaches it"
        cloud.faults.drop()
        await cloud.tell_of_faults()
        await load.until("east", within=40)
    assert len(load.failed("GET")) + len(load.failed("POST")) <= load.clients, "only what was under way failed"
    sent = [seen for seen in east.seen + west.seen if seen[0] == "POST"]
    assert len(sent) == len(set(sent)), "no write was sent twice"


async def test_an_origin_is_switched_off_and_on_by_resource_manager(cloud, arm, origins):
    url, (east, _) = await serve(cloud, arm, origins), origins
    origin = cloud.get(arm.id(f"{PROFILE}/originGroups/web/origins/east"))
    shown = await (await change_origin(cloud, origin, {"properties": {"enabledState": "Disabled"}}, {})).work()
    assert shown["properties"]["enabledState"] == "Disabled", "the answer tells the new state"
    assert (await ask(cloud, "GET", url)).text == "west", "nothing goes to it"
    probes = east.probes
    await asyncio.sleep(2.5)
    assert east.probes == probes, "and it is not probed"
    await (await change_origin(cloud, origin, {"properties": {"enabledState": "Enabled"}}, {})).work()
    await eventually(lambda: answered(cloud, url, "east"))


async def answered(cloud, url: str, name: str) -> bool:
    return (await ask(cloud, "GET", url)).text == name
