"""Looking at the platform: what does not answer is part of what was seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import orjson
import pytest
from azure.core.exceptions import HttpResponseError

from failover.cloud import Cloud
from failover.control import Control
from failover.errors import Denied, NotAsAsked
from failover.journal import Journals
from failover.observation import Account, Served, Server
from failover.observe import Look, Rooms, observe
from failover.platform import parse
from failover.steps import Confirm, Decide
from shipments.standing import FIRST
from tests.failover import platforms
from tests.failover.platforms import EAST, WEST, document
from tests.failover.test_control import report
from tests.shipments.servers import Identity


def saying(told):
    """An asynchronous look that answers so, or raises it."""
    async def look(*_) -> object:
        if isinstance(told, Exception):
            raise told
        return told
    return look


def rooms(cloud, server: object = Server("Primary"), storage: object = ()) -> Rooms:
    """Real control documents and journals; the rest answers as given."""
    return Rooms(cloud, Control(cloud), Journals(cloud), SimpleNamespace(look=saying(server)),
                 SimpleNamespace(look=saying(storage)),
                 SimpleNamespace(capacity=saying(2), sites=saying({"web": "Running"})),
                 SimpleNamespace(look=saying(Served((EAST,), 200)), origin=saying(True)))


async def test_everything_that_answers_is_seen(cloud):
    await Control(cloud).decide(Decide((document("api", WEST),), (EAST, WEST)))
    await cloud.control(WEST).upload_blob("worker.journal.json", report(), overwrite=True)
    account = Account("q", "queues", EAST, EAST, "Standard_GRS")
    seen = await observe(rooms(cloud, storage=(account,)))
    assert seen.reachable == (EAST, WEST) and seen.document("api").active_region == WEST, seen
    assert seen.document("web").active_region == EAST, "what was never decided is as configured"
    assert seen.view(WEST).journal.entries == 3 and seen.view(EAST).journal is None, "each region's own report"
    assert (seen.view(EAST).server, seen.view(EAST).accounts, seen.view(EAST).capacity) == \
        (Server("Primary"), (account,), 2), "what Resource Manager tells"
    assert seen.edge["api"].region == EAST and "worker" not in seen.edge, "only apps tell who they are"
    assert seen.skew == 0.0 and abs(seen.at - datetime.now(UTC)) < timedelta(minutes=1), "clocks agree"


async def test_a_region_that_is_gone_is_seen_as_gone(cloud):
    told = platforms.outputs()
    told["regions"][WEST]["blobUri"] = str(cloud.platform.regions[WEST].blob_uri)
    told["regions"][EAST]["blobUri"] = "https://localhost:1/east/"
    half = Cloud(cloud.settings, parse(platforms.encoded(told)), Identity())
    seen = await observe(rooms(half))
    await half.close()
    assert seen.reachable == (WEST,) and seen.view(EAST).why == "connection refused", seen.view(EAST)
    assert seen.view(EAST).server == Server("Primary"), "Resource Manager remembers it"


async def test_what_resource_manager_refuses_is_a_problem_and_no_more(cloud):
    seen = await observe(rooms(cloud, server=Denied("reading PostgreSQL: your identity may not")))
    assert seen.problems == ("reading PostgreSQL: your identity may not",), "status tells it, once"
    assert seen.view(EAST).server is None and seen.view(EAST).reachable, "the rest is seen"


async def test_without_the_control_documents_nothing_can_be_told(cloud):
    refused = HttpResponseError("no")
    refused.status_code = 403
    blind = replace(rooms(cloud), control=SimpleNamespace(look=saying(refused)))
    with pytest.raises(Denied, match="Storage Blob Data Reader"):
        await observe(blind)


async def test_in_an_emergency_only_what_is_needed_is_looked_at(cloud):
    unasked = rooms(cloud, storage=AssertionError("storage was asked"))
    seen = await observe(unasked, Look(accounts=False, compute=False, edge=False, origin=False))
    assert seen.view(EAST).server == Server("Primary") and seen.view(EAST).capacity is None, seen.view(EAST)


async def test_entries_older_than_the_look_have_to_leave_both_journals(cloud):
    """East's journal is empty; West's holds an old entry, and then only a newer one."""
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    lineage = {"epoch": 0, "region": ""}
    journals, step = Journals(cloud), Confirm(FIRST)
    await put(cloud, EAST, walkedAt=later, entries=0, oldestAcceptedAt=None, lineage=lineage)
    await put(cloud, WEST, walkedAt=later, entries=1, lineage=lineage)
    with pytest.raises(NotAsAsked, match=r"worker in westus .* within 1 s"):
        await journals.confirm(Quick(FIRST))
    await put(cloud, WEST, walkedAt=later, entries=1, oldestAcceptedAt=later, lineage=lineage)
    assert await journals.confirm(step) == "1 newer entries", "what came after it began does not count"


class Quick(Confirm):
    limit = 1


async def put(cloud, region: str, **changes: object) -> None:
    await cloud.control(region).upload_blob("worker.journal.json", report(**changes), overwrite=True)
    assert orjson.loads(report(**changes))["region"], "it is a report"
