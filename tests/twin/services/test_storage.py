"""Storage accounts on real Azurite processes."""

import ssl

import httpx
import pytest

from twin.services.base import DEPLOYER, AzureError

ACCOUNT = "Microsoft.Storage/storageAccounts/trackq"


async def make_account(arm, sku: str) -> dict:
    return await arm.put("storage:StorageAccount", ACCOUNT, accountName="trackq", location="eastus", sku={"name": sku},
                         kind="StorageV2")


async def ask(cloud, method: str, url: str, **options) -> httpx.Response:
    headers = {"Authorization": f"Bearer {await cloud.identities.token(DEPLOYER, 'https://storage.azure.com')}",
               "x-ms-version": "2021-12-02", **options.pop("headers", {})}
    headers = {name: value for name, value in headers.items() if value}
    verify = ssl.create_default_context(cafile=cloud.tls.own_ca)
    async with httpx.AsyncClient(verify=verify, trust_env=False) as client:
        return await client.request(method, url, headers=headers, **options)


async def test_an_account_with_a_queue_and_a_container_answers_tokens_only(cloud, arm):
    outputs = await make_account(arm, "Standard_GRS")
    await arm.put("storage:Queue", f"{ACCOUNT}/queueServices/default/queues/commands")
    await arm.put("storage:Queue", f"{ACCOUNT}/queueServices/default/queues/commands")
    await arm.put("storage:BlobContainer", f"{ACCOUNT}/blobServices/default/containers/bodies")

    queue = outputs["primaryEndpoints"]["queue"] + "commands/messages"
    sent = await ask(cloud, "POST", queue, content="<QueueMessage><MessageText>aGk=</MessageText></QueueMessage>")
    assert sent.status_code == 201, f"a message can be put with a token: {sent.text}"
    bare = await ask(cloud, "GET", queue, headers={"Authorization": ""})
    assert bare.status_code in (401, 403), "without a token nothing is read"
    listed = await ask(cloud, "GET", outputs["primaryEndpoints"]["blob"] + "?comp=list")
    assert "<Name>bodies</Name>" in listed.text, "the container exists in the account"
    assert "secondaryEndpoints" not in outputs, "GRS cannot be read in the secondary"
    assert outputs["secondaryLocation"] == "westus", "its copy is in the paired region"
    assert not any("key" in key.lower() for key in outputs), "keys are never handed out"


async def test_a_queue_is_gone_after_its_resource_is_deleted(cloud, arm):
    outputs = await make_account(arm, "Standard_LRS")
    await arm.put("storage:Queue", f"{ACCOUNT}/queueServices/default/queues/journal")
    await cloud.delete(arm.id(f"{ACCOUNT}/queueServices/default/queues/journal"))
    listed = await ask(cloud, "GET", outputs["primaryEndpoints"]["queue"] + "?comp=list")
    assert "journal" not in listed.text, "deleting the resource deletes the queue"
    await cloud.delete(arm.id(ACCOUNT))
    assert not cloud.runner.all(), "the account's process ended with it"
    assert not (cloud.home.data / "trackq").exists(), "so did its data"


async def test_data_survives_a_restart_and_the_same_inputs_restart_nothing(cloud, arm):
    outputs = await make_account(arm, "Standard_LRS")
    await arm.put("storage:Queue", f"{ACCOUNT}/queueServices/default/queues/commands")
    before = cloud.runner.get("storage-trackq").pid
    await make_account(arm, "Standard_LRS")
    assert cloud.runner.get("storage-trackq").pid == before, "putting the same again restarts nothing"
    await cloud.runner.stop("storage-trackq")
    await cloud.restore()
    listed = await ask(cloud, "GET", outputs["primaryEndpoints"]["queue"] + "?comp=list")
    assert "<Name>commands</Name>" in listed.text, "the queue is still there"


async def test_a_queue_without_its_account_is_refused_by_name(arm):
    with pytest.raises(AzureError, match=r"ParentResourceNotFound.*commands"):
        await arm.put("storage:Queue", f"{ACCOUNT}/queueServices/default/queues/commands")
