"""Storage accounts: what they hold and who cannot get in."""

import pytest

from components.storage import Storage, StorageArgs, _secondary
from shipments.settings import CONTAINERS, POISON, QUEUES

ACCOUNTS = ("queues-eastus", "queues-westus", "blobs-eastus", "blobs-westus", "host-eastus", "host-westus",
            "static-content")


@pytest.mark.parametrize("name", ACCOUNTS)
def test_no_account_can_be_opened_with_a_key(recorded, name):
    account = recorded.inputs("storage:StorageAccount", name)
    assert account["allowSharedKeyAccess"] is False, "account keys would be passwords to everything in it"
    assert account["allowBlobPublicAccess"] is False, "nothing is for anonymous readers"
    assert account["isLocalUserEnabled"] is False, "local users are passwords too"
    assert account["defaultToOAuthAuthentication"] is True, "the portal must ask for a token as well"
    assert (account["minimumTlsVersion"], account["enableHttpsTrafficOnly"]) == ("TLS1_2", True), "TLS 1.2 or later"


@pytest.mark.parametrize("name", ACCOUNTS)
def test_a_failover_that_changes_the_sku_is_not_undone(recorded, name):
    account = recorded.one("storage:StorageAccount", name)
    assert account.ignored == ("sku", "location"), "after a failover it is LRS, maybe elsewhere: so be it"
    assert account.protect, "`destroy` must not delete it by accident"
    assert account.retained, "nor may a replacement"


def test_each_region_has_every_queue_and_its_poison_queue(recorded):
    for region in ("eastus", "westus"):
        names = {item.inputs["queueName"] for name, item in recorded.of("storage:Queue").items()
                 if name.startswith(f"queues-{region}-")}
        assert names == {name for queue in QUEUES for name in (queue, queue + POISON)}, f"{region} lacks a queue"


def test_each_region_has_every_container(recorded):
    for region in ("eastus", "westus"):
        names = {item.inputs["containerName"] for name, item in recorded.of("storage:BlobContainer").items()
                 if name.startswith(f"blobs-{region}-")}
        assert names == set(CONTAINERS), f"{region} lacks a container"


def test_redundancy_is_what_each_account_needs(recorded):
    sku = {name: recorded.inputs("storage:StorageAccount", name)["sku"]["name"] for name in ACCOUNTS}
    assert sku["blobs-eastus"] == sku["blobs-westus"] == "Standard_RAGRS", "blobs are read in both regions"
    assert sku["static-content"] == "Standard_RAGRS", "static content is read at its secondary during an outage"
    assert (sku["host-eastus"], sku["host-westus"]) == ("Standard_ZRS", "Standard_LRS"), "host accounts hold no data"


def test_an_account_tells_where_it_is_read_and_written(run, context):
    reached = []
    def make():
        storage = Storage("blobs", StorageArgs(context, "group", "eastus", "b", "Standard_RAGRS", containers=("site",)))
        for output in (storage.blob_uri, storage.queue_uri, storage.blob_host, storage.secondary_blob_host):
            output.apply(reached.append)
    run(make)
    account = context.naming.storage("b", "eastus")
    assert sorted(reached) == sorted([
        f"https://{account}.blob.core.windows.net/", f"https://{account}.queue.core.windows.net/",
        f"{account}.blob.core.windows.net", f"{account}-secondary.blob.core.windows.net"]), "as the cloud reports them"


def test_an_account_that_lost_its_copy_still_names_where_the_copy_was():
    assert _secondary("abc.blob.core.windows.net", None) == "abc-secondary.blob.core.windows.net", \
        "else `up` could not say what the origin is, which it then leaves alone"


def test_an_unprotected_stack_can_be_destroyed(varied):
    for name in ACCOUNTS:
        account = varied.one("storage:StorageAccount", name)
        assert not account.protect, "a test stack is thrown away"
        assert not account.retained, "with all it holds"


def test_blobs_understand_a_token_in_a_request_that_names_no_version(recorded):
    service = recorded.inputs("storage:BlobServiceProperties", "static-content-service")
    assert service["defaultServiceVersion"] >= "2017-11-09", "else Front Door's tokens, and its probes, get 403"
    assert "static-content-service" in recorded.one("storage:BlobContainer", "static-content-site").after, "first"


def test_deleted_blobs_and_containers_can_be_restored(recorded):
    services = recorded.of("storage:BlobServiceProperties")
    assert set(services) == {"blobs-eastus-service", "blobs-westus-service", "host-eastus-service",
                             "host-westus-service", "static-content-service"}, "every account that has blobs"
    for name, item in services.items():
        for policy in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
            assert item.inputs[policy] == {"enabled": True, "days": 14}, f"{name}: a mistake is not final"
