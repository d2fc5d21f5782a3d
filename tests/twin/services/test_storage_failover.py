"""Geo-replication and failovers of storage accounts, ordered with Azure's own client."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError, ServiceRequestError
from azure.mgmt.storage.aio import StorageManagementClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from tests.twin.services.managing import Operator, managed
from twin.cloud.faults import Fault
from twin.services import azurite

ACCOUNT = "Microsoft.Storage/storageAccounts/trackq"
FAST = {"retry_total": 0, "connection_timeout": 2, "read_timeout": 5}


@pytest.fixture
async def azure(cloud):
    """The accounts' operations of Azure's SDK; replication runs ten times as often as by default."""
    cloud.faults.add(Fault("lag", value=0.2))
    async with managed(cloud, StorageManagementClient) as client:
        yield client.storage_accounts


@pytest.fixture
def make_account(arm):
    """Makes the account with a queue and a container; returns its outputs."""
    async def make(sku: str, **inputs) -> dict:
        outputs = await arm.put("storage:StorageAccount", ACCOUNT, accountName="trackq", location="eastus",
                                kind="StorageV2", sku={"name": sku}, **inputs)
        await arm.put("storage:Queue", f"{ACCOUNT}/queueServices/default/queues/commands")
        await arm.put("storage:BlobContainer", f"{ACCOUNT}/blobServices/default/containers/bodies")
        return outputs
    return make


@asynccontextmanager
async def blobs(cloud, outputs, ends: str = "primaryEndpoints"):
    """The container, by Azure's client."""
    async with BlobServiceClient(outputs[ends]["blob"], Operator(cloud), connection_verify=str(cloud.tls.own_ca),
                                 **FAST) as client:
        yield client.get_container_client("bodies")


@asynccontextmanager
async def commands(cloud, outputs):
    """The queue, by Azure's client."""
    async with QueueServiceClient(outputs["primaryEndpoints"]["queue"], Operator(cloud), **FAST,
                                  connection_verify=str(cloud.tls.own_ca)) as client:
        yield client.get_queue_client("commands")


async def stats(azure):
    """geoReplicationStats."""
    return (await azure.get_properties("rg", "trackq", expand="geoReplicationStats")).geo_replication_stats


async def synced_after(azure, moment: datetime, within: float = 10) -> None:
    """Waits until all that was written before is in the copy."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        found = await stats(azure)
        if found.last_sync_time and found.last_sync_time > moment:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not replicated within {within} s")


async def fail_over(azure, kind: str | None) -> float:
    """Orders it and waits; seconds."""
    began = time.monotonic()
    await (await azure.begin_failover("rg", "trackq", failover_type=kind)).result()
    return time.monotonic() - began


async def refused(azure, kind: str | None) -> str:
    """The code with which a failover is refused."""
    with pytest.raises(HttpResponseError) as error:
        await fail_over(azure, kind)
    return error.value.error.code


async def test_the_secondary_reads_what_was_replicated_also_when_the_primary_is_dead(cloud, azure, make_account):
    outputs = await make_account("Standard_RAGRS")
    await synced_after(azure, datetime.now(UTC))
    cloud.faults.add(Fault("lag", value=600))
    async with blobs(cloud, outputs) as primary, blobs(cloud, outputs, "secondaryEndpoints") as secondary:
        await asyncio.sleep(0.3)
        await primary.upload_blob("late", b"not there yet")
        with pytest.raises(ResourceNotFoundError):
            await secondary.download_blob("late")
        cloud.faults.add(Fault("lag", value=0.2))
        await synced_after(azure, datetime.now(UTC))
        await cloud.runner.stop("storage-trackq")
        assert await (await secondary.download_blob("late")).readall() == b"not there yet", "the copy is read alone"
        with pytest.raises(HttpResponseError) as error:
            await secondary.upload_blob("x", b"x")
        assert (error.value.status_code, error.value.error_code) == (403, "WriteOperationNotSupportedOnSecondary"), \
            "the secondary refuses writes as storage does"


async def test_an_unplanned_failover_keeps_what_was_replicated_and_loses_the_rest(cloud, azure, make_account, arm):
    outputs = await make_account("Standard_GZRS")
    async with commands(cloud, outputs) as queue:
        await queue.send_message("kept", time_to_live=-1)
        await synced_after(azure, datetime.now(UTC))
        cloud.faults.add(Fault("partition", region="eastus", side="peer"))
        await queue.send_message("lost", time_to_live=-1)
        assert (await stats(azure)).status == "Unavailable", "nothing is copied over a cut network"
        assert (await stats(azure)).can_failover, "an unplanned failover is possible all the same"
        await fail_over(azure, None)
        assert [message.content async for message in queue.receive_messages()] == ["kept"], \
            "the same endpoint gives what the copy held, and only that"
    account = await azure.get_properties("rg", "trackq")
    assert (account.sku.name, account.location, account.primary_location) == ("Standard_LRS", "eastus", "westus"), \
        "locally redundant, written in the other region; the resource's own location never changes"
    assert account.secondary_location is None and account.secondary_endpoints is None, "it has no second region"
    assert cloud.runner.get("storage-trackq").spec.region == "westus", "its process is there"
    assert not (cloud.home.data / "trackq" / "eastus").exists(), "the first region's data is deleted"
    assert await refused(azure, None) == "InvalidAccountType", "it cannot fail over again"
    with pytest.raises(HttpResponseError, match="Standard_LRS is invalid"):
        await stats(azure)
    recorded = cloud.get(arm.id(ACCOUNT))
    assert recorded.inputs["sku"] == {"name": "Standard_GZRS"}, "what the program asked for stays as it was"
    assert recorded.location == "eastus", "so nothing makes the engine replace it"


async def test_an_account_is_made_geo_redundant_again_and_fails_back(cloud, azure, make_account):
    outputs = await make_account("Standard_GZRS")
    await synced_after(azure, datetime.now(UTC))
    await fail_over(azure, None)
    with pytest.raises(HttpResponseError, match="RedundancyConfigurationNotAvailableInRegion"):
        await azure.update("rg", "trackq", {"sku": {"name": "Standard_GZRS"}})
    changed = await azure.update("rg", "trackq", {"sku": {"name": "Standard_GRS"}})
    assert (changed.sku.name, changed.secondary_location) == ("Standard_GRS", "eastus"), "the old region holds the copy"
    async with commands(cloud, outputs) as queue:
        await queue.send_message("written in the west", time_to_live=-1)
        await synced_after(azure, datetime.now(UTC))
        found = await stats(azure)
        assert (found.status, found.post_failover_redundancy) == ("Live", "Standard_ZRS"), "zones return at home"
        await fail_over(azure, None)
        assert [message.content async for message in queue.receive_messages()] == ["written in the west"], "copied back"
    account = await azure.get_properties("rg", "trackq")
    assert (account.sku.name, account.primary_location) == ("Standard_ZRS", "eastus"), "it is at home again"


async def test_a_planned_failover_under_load_loses_nothing_and_goes_back(cloud, azure, make_account):
    outputs = await make_account("Standard_RAGZRS")
    await synced_after(azure, datetime.now(UTC))
    sent, done = [], asyncio.Event()

    async def load(writer: int) -> None:
        async with commands(cloud, outputs) as queue:
            while not done.is_set():
                name = f"{writer}-{len(sent)}-{time.monotonic_ns()}"
                try:
                    await queue.send_message(name, time_to_live=-1)
                    sent.append(name)
                except (HttpResponseError, ServiceRequestError):
                    await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        for writer in range(8):
            group.create_task(load(writer))
        for sku, region in (("Standard_RAGRS", "westus"), ("Standard_RAGZRS", "eastus")):
            before = len(sent)
            while len(sent) < before + 20:
                await asyncio.sleep(0.05)
            await fail_over(azure, "Planned")
            account = await azure.get_properties("rg", "trackq")
            assert (account.sku.name, account.primary_location) == (sku, region), "still geo-redundant, regions swapped"
            assert cloud.runner.get("storage-trackq-secondary").spec.region != region, "read in the other one"
            await synced_after(azure, datetime.now(UTC))
        done.set()
    async with commands(cloud, outputs) as queue:
        got = [message.content async for message in queue.receive_messages(messages_per_page=32)]
    assert set(sent) <= set(got), f"{len(set(sent) - set(got))} of {len(sent)} acknowledged messages are gone"


async def test_failovers_are_refused_when_azure_refuses_them(cloud, azure, make_account, arm):
    await make_account("Standard_RAGRS")
    await synced_after(azure, datetime.now(UTC))
    service = f"{ACCOUNT}/blobServices/default"
    await arm.put("storage:BlobServiceProperties", service, changeFeed={"enabled": True})
    assert await refused(azure, "Planned") == "FeatureNotSupportedForFailover", "change feed stands in the way"
    await arm.put("storage:BlobServiceProperties", service, changeFeed={"enabled": False})
    cloud.faults.add(Fault("kill", region="eastus"))
    await asyncio.sleep(0.3)
    assert await refused(azure, "Planned") == "PlannedFailoverNotAvailable", "a planned one needs both regions"
    account = await azure.get_properties("rg", "trackq")
    assert account.status_of_primary == "unavailable", "reading tells that the region is down"
    with pytest.raises(HttpResponseError) as error:
        await azure.update("rg", "trackq", {"sku": {"name": "Standard_LRS"}})
    assert error.value.status_code == 503, "the management plane does not fail over"
    copy = azurite.home(cloud, cloud.get(arm.id(ACCOUNT))) / "westus" / azurite.COPY
    os.utime(copy, (time.time() - 1900,) * 2)
    cloud.faults.drop("eastus")
    cloud.faults.add(Fault("lag", value=600))
    cloud.faults.add(Fault("kill", region="westus"))
    assert await refused(azure, None) == "SecondaryRegionUnavailable", "there is nowhere to go"


async def test_a_copy_that_is_too_old_or_not_there_stands_in_the_way(cloud, azure, make_account, arm):
    cloud.faults.add(Fault("partition", region="eastus", side="peer"))
    await make_account("Standard_GRS")
    assert await refused(azure, None) == "LastSyncTimeUnavailable", "nothing was ever copied"
    found = await stats(azure)
    assert (found.status, found.can_failover, found.last_sync_time) == ("Unavailable", False, None), "as the stats say"
    cloud.faults.drop("eastus")
    await synced_after(azure, datetime.now(UTC))
    cloud.faults.add(Fault("lag", value=600))
    await asyncio.sleep(0.5)
    copy = azurite.home(cloud, cloud.get(arm.id(ACCOUNT))) / "westus" / azurite.COPY
    os.utime(copy, (time.time() - 1900,) * 2)
    assert await refused(azure, "Planned") == "LastSyncTimeTooOld", "Azure allows 30 minutes"
    with pytest.raises(HttpResponseError, match="failoverType"):
        await fail_over(azure, "Maybe")


async def test_a_frozen_primary_is_left_behind(cloud, azure, make_account):
    outputs = await make_account("Standard_GRS")
    async with commands(cloud, outputs) as queue:
        await queue.send_message("kept", time_to_live=-1)
        await synced_after(azure, datetime.now(UTC))
        os.killpg(cloud.runner.get("storage-trackq").pid, signal.SIGSTOP)
        took = await fail_over(azure, None)
        assert took < 15, f"it took {took:.1f} s to end a frozen process and start the other"
        assert [message.content async for message in queue.receive_messages()] == ["kept"], "the copy serves"


async def test_a_daemon_that_starts_again_finds_the_account_where_it_was_moved(cloud, azure, make_account):
    outputs = await make_account("Standard_RAGRS")
    await synced_after(azure, datetime.now(UTC))
    await fail_over(azure, "Planned")
    async with commands(cloud, outputs) as queue:
        await queue.send_message("after", time_to_live=-1)
        for name in ("storage-trackq", "storage-trackq-secondary"):
            await cloud.runner.stop(name)
        await cloud.restore()
        assert [message.content async for message in queue.receive_messages()] == ["after"], "with its data"
    assert cloud.runner.get("storage-trackq").spec.region == "westus", "in the region that it was moved to"
