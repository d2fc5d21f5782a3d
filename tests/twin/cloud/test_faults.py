"""Regions and services killed, frozen, slowed and healed: real processes of a small pretended platform."""

import asyncio
import os
import random
import sys
import time

import httpx
import psutil
import pytest

from twin.cloud.api import application
from twin.cloud.cloud import LocalCloud, find_tools
from twin.cloud.faults import Fault
from twin.home import Home
from twin.runner import Http, PortBook, ProcessSpec, Runner
from twin.services.base import AzureError

WORK = """
import http.server, os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
def close(*_):
    open("closed", "w").close()
    child.kill()
    os._exit(0)
signal.signal(signal.SIGTERM, close)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"well")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
TYPES = {"web": "azure-native:web:WebApp", "database": "azure-native:dbforpostgresql:Server",
         "storage": "azure-native:storage:StorageAccount", "queue": "azure-native:storage:Queue",
         "cache": "azure-native:redisenterprise:Database"}
GROUP = "/subscriptions/s/resourceGroups/g/providers"
REGIONS = ("eastus", "westus")


class Platform:
    """Each resource but a queue is a server with a child that left its session, as PostgreSQL's do."""

    realised, recorded = frozenset(TYPES.values()), frozenset()

    def __init__(self):
        self.restored: list[str] = []

    async def put(self, cloud, resource, previous):
        if resource.type != TYPES["queue"]:
            port = await cloud.ports.of(resource.name)
            folder = cloud.home.data / resource.name
            folder.mkdir(exist_ok=True)
            await cloud.runner.start(ProcessSpec(
                name=resource.name, command=(sys.executable, "-c", WORK, str(port)), cwd=folder, environment={},
                region=resource.location, service=resource.inputs["service"], ports=(port,), resource_id=resource.id,
                ready=Http(f"http://127.0.0.1:{port}/")))
        return {}

    async def delete(self, cloud, resource):
        await cloud.runner.stop(resource.name)

    async def restore(self, cloud, resource):
        await self.put(cloud, resource, resource)
        self.restored.append(resource.name)


def id_of(name: str) -> str:
    account = f"{GROUP}/Microsoft.Storage/storageAccounts/"
    return f"{account}{name.removesuffix('-queue')}/queueServices/default/queues/q" if name.endswith("-queue") else \
        f"{account}{name}" if name.startswith("storage") else f"{GROUP}/Microsoft.Web/sites/{name}"


@pytest.fixture
def make(tmp_path):
    """Makes a control plane of one home; a second one is the next daemon's."""
    first = random.randrange(20_000, 32_000, 50)
    home = Home(tmp_path / "home", first, first + 1)
    home.prepare()

    def cloud() -> LocalCloud:
        runner = Runner(home)
        return LocalCloud(home, "http://127.0.0.1:9", "https://localhost:9", PortBook(home, runner.owns), runner,
                          find_tools(), [Platform()])
    return cloud


@pytest.fixture
async def cloud(make):
    """A web app, a database, a cache and a queue account in each of two regions."""
    cloud = make()
    for region in REGIONS:
        await asyncio.gather(*(
            cloud.put(id_of(f"{kind}-{region}"), TYPES[kind], f"{kind}-{region}", {"location": region, "service": kind})
            for kind in ("web", "database", "cache", "storage")))
        await cloud.put(id_of(f"storage-{region}-queue"), TYPES["queue"], f"storage-{region}-queue", {})
    yield cloud
    await cloud.close()


def families(cloud: LocalCloud, region: str, *services: str) -> list[psutil.Process]:
    """The servers of a region with their children."""
    leaders = [psutil.Process(process.spec and process.pid) for process in cloud.runner.all()
               if process.spec.region == region and process.pid and (process.spec.service in services or not services)]
    return [one for leader in leaders for one in (leader, *leader.children(recursive=True))]


def states(cloud: LocalCloud, region: str) -> dict[str, str]:
    return {process.spec.service: process.state for process in cloud.runner.all() if process.spec.region == region}


async def well(cloud: LocalCloud, name: str, within: float = 2.0) -> bool:
    try:
        async with httpx.AsyncClient(timeout=within, trust_env=False) as client:
            return (await client.get(f"http://127.0.0.1:{await cloud.ports.of(name)}/")).text == "well"
    except httpx.HTTPError:
        return False


async def test_a_killed_region_is_gone_at_once_and_stays_so_until_it_is_healed(cloud):
    hit, spared = families(cloud, "eastus"), families(cloud, "westus")
    ended: dict[int, float] = {}

    async def watch():
        while len(ended) < len(hit):
            for process in hit:
                if process.pid not in ended and not running(process):
                    ended[process.pid] = time.monotonic()
            await asyncio.sleep(0.005)
    watching = asyncio.create_task(watch())
    await cloud.chaos.inflict(Fault("kill", "eastus"))
    await asyncio.wait_for(watching, 10)
    assert max(ended.values()) - min(ended.values()) < 1, "all at once, those that left their parent's session too"
    closed = {kind: (cloud.home.data / f"{kind}-eastus/closed").exists() for kind in ("web", "database", "storage")}
    assert closed == {"web": False, "database": False, "storage": True}, "only durable storage may close its files"
    await asyncio.sleep(1)
    assert set(states(cloud, "eastus").values()) == {"killed"}, "nothing is restarted"
    assert all(map(running, spared)), "the other region lives"
    with pytest.raises(AzureError, match=r"ServiceUnavailable.*region eastus is down"):
        await cloud.put(id_of("web-eastus"), TYPES["web"], "web-eastus", {"location": "eastus", "service": "web"})
    assert not await cloud.settle(), "what a fault holds is not called unhealthy"
    answer = await cloud.chaos.heal()
    assert (answer["unhealthy"], len(answer["healed"])) == ({}, 1), "heal returns when all is well"
    assert set(states(cloud, "eastus").values()) == {"ready"} and await well(cloud, "web-eastus"), "it runs again"
    assert all(map(running, spared)), "and the other region was not touched"


async def test_a_frozen_region_holds_its_connections_and_goes_on_where_it_was(cloud):
    pids = {process.pid for process in families(cloud, "eastus")}
    await cloud.chaos.inflict(Fault("freeze", "eastus"))
    assert {process.status() for process in families(cloud, "eastus")} == {psutil.STATUS_STOPPED}, "children too"
    assert not await well(cloud, "web-eastus", 0.5), "nothing answers"
    assert await well(cloud, "web-westus"), "but the other region does"
    assert not (await cloud.chaos.heal("eastus"))["unhealthy"], "healed by its name"
    assert {process.pid for process in families(cloud, "eastus")} == pids, "the same processes go on"
    assert await well(cloud, "web-eastus"), "and answer"


async def test_one_service_is_hit_alone_and_storage_by_its_kind(cloud):
    await cloud.chaos.inflict(Fault("kill", "eastus", "database"))
    await cloud.chaos.inflict(Fault("freeze", "westus", "queues"))
    assert states(cloud, "eastus") == {"web": "ready", "database": "killed", "cache": "ready", "storage": "ready"}, \
        "the database alone"
    assert states(cloud, "westus")["storage"] == "frozen", "the account that holds queues"
    assert not cloud.faults.down("eastus"), "the region itself is not down"
    await cloud.put(id_of("web-eastus"), TYPES["web"], "web-eastus", {"location": "eastus", "service": "web"})
    await cloud.chaos.heal("eastus")
    assert (states(cloud, "eastus")["database"], states(cloud, "westus")["storage"]) == ("ready", "frozen"), \
        "the other region's fault stays on"


async def test_a_crash_of_what_is_held_starts_nothing_and_down_ends_what_is_frozen(cloud):
    await cloud.chaos.inflict(Fault("freeze", "eastus"))
    frozen = families(cloud, "eastus")
    began = time.monotonic()
    await cloud.close()
    assert not any(map(running, frozen)), "nothing is left, stopped or not"
    assert time.monotonic() - began < 8, "and nobody waited for processes that could not hear"


async def test_the_next_daemon_knows_the_faults_and_heals_them(cloud, make):
    await cloud.chaos.inflict(Fault("kill", "eastus"))
    await cloud.chaos.inflict(Fault("freeze", "westus", "cache"))
    await cloud.close()
    after = make()
    try:
        await after.restore()
        west = {"web": "ready", "database": "ready", "storage": "ready", "cache": "frozen"}
        assert states(after, "westus") == west, "what is not held runs"
        assert set(states(after, "eastus").values()) == {"killed"}, "nothing of the region that is down was started"
        assert not await after.settle(), "so `up` ends well"
        assert len(after.chaos.told()["faults"]) == 2, "and can tell which faults are on"
        assert not (await after.chaos.heal())["unhealthy"], "they can be healed"
        assert set(states(after, "eastus").values()) | set(states(after, "westus").values()) == {"ready"}, "all runs"
    finally:
        await after.close()


async def test_a_slowed_service_answers_late_and_well_again_afterwards(cloud):
    await cloud.chaos.inflict(Fault("slow", "eastus", "web", value=400))
    took = []
    for _ in range(6):
        began = time.monotonic()
        assert await well(cloud, "web-eastus", 5), "it does answer"
        took.append(time.monotonic() - began)
    assert max(took) > 0.2, f"but late: {took}"
    await cloud.chaos.heal()
    await asyncio.sleep(0.5)
    found = {process.status() for process in families(cloud, "eastus")}
    assert psutil.STATUS_STOPPED not in found, "none stays stopped"


@pytest.mark.parametrize(("fault", "said"), [
    (Fault("melt", "eastus"), "no fault 'melt'; known are busy"),
    (Fault("kill", "mars"), "no region of the twin 'mars'; known are eastus, westus"),
    (Fault("kill", "eastus", "printer"), "no service of the twin 'printer'; known are"),
    (Fault("partition", "eastus", side="moon"), "'moon'; known are all, edge, peer"),
    (Fault("slow", "eastus", value=5), "no service of the twin ''"),
    (Fault("busy", "eastus", "database"), "known are blobs, queues"),
    (Fault("lag", value=-1), "takes a number from 0 on; got -1")])
async def test_what_makes_no_sense_is_refused_with_what_would(cloud, fault, said):
    with pytest.raises(AzureError, match=said):
        await cloud.chaos.inflict(fault)
    assert cloud.faults.active == [], "and nothing is on"


async def test_the_control_protocol_puts_faults_on_tells_them_and_takes_them_off(cloud):
    transport = httpx.ASGITransport(application(cloud, "secret", asyncio.Event()))
    async with httpx.AsyncClient(transport=transport, base_url="http://twin", timeout=60,
                                 headers={"Authorization": "Bearer secret"}) as client:
        told = (await client.post("/twin/faults", json={"kind": "kill", "region": "westus", "service": "web"})).json()
        assert [row["name"] for row in told["held"]] == ["web-westus"], "which processes it holds"
        await client.post("/twin/faults", json={"kind": "lag", "value": 7})
        await client.post("/twin/faults", json={"kind": "lag", "value": 9})
        assert cloud.faults.lag == 9, "the newest value of a fault counts"
        status = (await client.get("/twin/status")).json()
        assert [fault["kind"] for fault in status["faults"]] == ["kill", "lag"], "status tells them"
        assert "killed" in {row["state"] for row in status["processes"]}, "with the process that is down"
        refused = await client.post("/twin/faults", json={"kind": "kill", "region": "mars"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadRequest"), "plainly"
        assert len((await client.delete("/twin/faults?region=westus")).json()["healed"]) == 1, "one region's alone"
        assert len((await client.delete("/twin/faults")).json()["healed"]) == 1, "then all"
        assert (await client.get("/twin/faults")).json() == {"faults": [], "held": []}, "none is left"


async def test_partitions_lag_clocks_and_busy_accounts_are_told_to_the_services(cloud):
    faults, heard = cloud.faults, []
    faults.on_change(lambda: heard.append(len(faults.active)))
    for side, edge, peer in (("edge", False, True), ("peer", True, False), ("all", False, False)):
        await cloud.chaos.inflict(Fault("partition", "eastus", side=side))
        seen = faults.connected("edge", "eastus"), faults.connected("eastus", "westus")
        assert seen == (edge, peer), f"cut off from {side}"
        assert faults.connected("edge", "westus") and faults.connected("eastus", "eastus"), "nothing else is cut"
        await cloud.chaos.heal()
    await cloud.chaos.inflict(Fault("clock", "eastus", value=8))
    await cloud.chaos.inflict(Fault("busy", "eastus", "queues"))
    assert (faults.clock_ahead("eastus"), faults.clock_ahead("westus")) == (8 * 86400, 0), "in seconds"
    assert faults.busy(id_of("storage-eastus")) and not faults.busy(id_of("storage-westus")), "that account alone"
    assert heard[-2:] == [1, 2] and faults.lag == 2, "who listens hears of each change"


def running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) > 0
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False
