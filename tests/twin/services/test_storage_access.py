"""Role assignments, faults and durability of storage, with Azure's own clients."""

import asyncio
import os
import ssl
import time
from contextlib import asynccontextmanager

import httpx
import jwt
import pytest
from azure.core.exceptions import AzureError as ClientError
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from tests.twin.services.managing import Operator
from twin.cloud.faults import Fault
from twin.services.base import DEPLOYER, AzureError

ACCOUNT = "Microsoft.Storage/storageAccounts/trackq"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers"
ROLES = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions"
SENDER, READER, PROCESSOR = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a", "19e7f393-937e-4f77-808e-94535e297925", \
    "8a0f0c08-91a1-4084-bc3d-661d67233fed"
BLOB_READER, BLOB_CONTRIBUTOR = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
AUDIENCE = "https://storage.azure.com"
MISMATCH = "AuthorizationPermissionMismatch"


@pytest.fixture
async def account(arm) -> dict:
    """Outputs of an account with a queue and two containers."""
    outputs = await arm.put("storage:StorageAccount", ACCOUNT, accountName="trackq", location="eastus",
                            kind="StorageV2", sku={"name": "Standard_LRS"})
    await arm.put("storage:Queue", f"{ACCOUNT}/queueServices/default/queues/commands")
    for name in ("bodies", "control"):
        await arm.put("storage:BlobContainer", f"{CONTAINER}/{name}")
    return outputs


@pytest.fixture
async def app(arm) -> str:
    """Object id of an app's identity."""
    return (await arm.identity("app"))["principalId"]


@pytest.fixture
def assign(arm, app):
    """Gives the app a role on a scope below the resource group, "" being the group."""
    async def give(role: str, scope: str, **more) -> str:
        name = f"Microsoft.Authorization/roleAssignments/{len(arm.cloud.registry.all())}"
        await arm.put("authorization:RoleAssignment", name, principalId=app, scope=arm.id(scope).removesuffix(
            "/providers/"), roleDefinitionId=f"{ROLES}/{role}", **more)
        return arm.id(name)
    return give


@asynccontextmanager
async def clients(cloud, account, identity: str = DEPLOYER):
    """(queue, blob service) as that identity; nothing is tried twice."""
    options = {"connection_verify": str(cloud.tls.own_ca), "retry_total": 0}
    ends, who = account["primaryEndpoints"], Operator(cloud, identity)
    async with QueueServiceClient(ends["queue"], who, **options) as queues, \
            BlobServiceClient(ends["blob"], who, **options) as blobs:
        yield queues.get_queue_client("commands"), blobs


async def code(work) -> str:
    """The error code of a call; "" when it worked."""
    try:
        await work
    except HttpResponseError as error:
        return f"{error.status_code} {error.response.headers['x-ms-error-code']}"
    return ""


async def take(queue) -> list[str]:
    """Dequeues."""
    return [message.content async for message in queue.receive_messages(messages_per_page=32, visibility_timeout=1)]


async def test_queue_roles_decide_as_azures_table_says(cloud, account, app, assign):
    async with clients(cloud, account, app) as (queue, _):
        assert await code(queue.send_message("x")) == f"403 {MISMATCH}", "without a role nothing works"
        await assign(SENDER, ACCOUNT)
        assert await code(queue.send_message("x")) == "", "a role takes effect when it is recorded"
        assert await code(queue.peek_messages()) == f"403 {MISMATCH}", "a sender does not look"
        await assign(READER, f"{ACCOUNT}/queueServices/default/queues/commands")
        assert await code(queue.peek_messages()) == "", "a reader of this queue looks"
        assert await code(queue.get_queue_properties()) == "", "and counts"
        assert await code(take(queue)) == f"403 {MISMATCH}", "but takes nothing"
        await assign(PROCESSOR, "")
        assert await take(queue) == ["x"], "a processor of the whole group takes"
        assert await code(queue.clear_messages()) == f"403 {MISMATCH}", "but does not clear"
        assert await code(queue.create_queue()) == f"403 {MISMATCH}", "nobody of them makes queues"


async def test_blob_roles_hold_for_their_container_and_end_with_the_assignment(cloud, account, app, assign):
    async with clients(cloud, account, app) as (_, blobs):
        bodies, control = (blobs.get_container_client(name) for name in ("bodies", "control"))
        role = await assign(BLOB_CONTRIBUTOR, f"{CONTAINER}/bodies")
        assert await code(bodies.upload_blob("a/b", b"1")) == "", "a contributor writes in its container"
        assert await code(control.upload_blob("a", b"1")) == f"403 {MISMATCH}", "and in no other"
        await assign(BLOB_READER, ACCOUNT)
        assert [blob.name async for blob in bodies.list_blobs()] == ["a/b"], "a reader lists"
        assert await code(control.get_container_properties()) == "", "in every container"
        await cloud.delete(role)
        assert await code(bodies.delete_blob("a/b")) == f"403 {MISMATCH}", "rights end at once"
        assert await code(bodies.download_blob("a/b")) == "", "the other role stays"


async def test_a_role_of_the_programs_own_may_be_bound_to_one_blob(cloud, account, app, assign, arm):
    await arm.put("authorization:RoleDefinition", "Microsoft.Authorization/roleDefinitions/states", permissions=[
        {"actions": [], "dataActions": [f"{BLOBS}/read", f"{BLOBS}/write"]}])
    await assign("states", f"{CONTAINER}/control", condition=(
        f"((!(ActionMatches{{'{BLOBS}/write'}})) OR (@Resource[{BLOBS}:path] StringEquals 'web.json'))"))
    async with clients(cloud, account, app) as (_, blobs):
        control = blobs.get_container_client("control")
        assert await code(control.upload_blob("web.json", b"{}")) == "", "the service's own state is written"
        assert await code(control.upload_blob("api.json", b"{}")) == f"403 {MISMATCH}", "no other service's"
        assert await code(control.download_blob("api.json")) == "404 BlobNotFound", "but may be read"
        assert await code(control.delete_blob("web.json")) == f"403 {MISMATCH}", "deleting is not in the role"


async def test_a_condition_that_is_not_understood_is_refused_by_name(account, assign):
    with pytest.raises(AzureError, match=r"NotSupportedByTwin.*condition.*StringLike"):
        await assign(BLOB_READER, ACCOUNT, condition=f"(@Resource[{BLOBS}:path] StringLike 'a*')")


async def test_what_is_no_request_or_nobodys_token_is_refused_and_ends_nothing(cloud, account):
    claims = jwt.decode(await cloud.identities.token(DEPLOYER, AUDIENCE), options={"verify_signature": False})
    headers = {"Authorization": f"Bearer {jwt.encode(claims | {'oid': ''}, 'x' * 32)}", "x-ms-version": "2021-12-02"}
    verify = ssl.create_default_context(cafile=cloud.tls.own_ca)
    async with httpx.AsyncClient(verify=verify, trust_env=False) as client:
        blob = account["primaryEndpoints"]["blob"]
        answer = await client.get(f"{blob}bodies?restype=container", headers=headers)
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, MISMATCH), "nobody has no role"
        answer = await client.get(f"{blob}bodies/%zz", headers=headers)
        assert answer.status_code == 400, "a path that cannot be decoded"
    assert cloud.runner.get("storage-trackq").restarts == 0, "the process goes on"


async def test_busy_storage_answers_as_azures_does_until_it_is_healed(cloud, account):
    cloud.faults.busy = lambda id: True
    cloud.faults.add(Fault("lag", value=1))
    async with clients(cloud, account) as (queue, blobs):
        assert await code(queue.send_message("x")) == "503 ServerBusy", "queues"
        assert await code(blobs.get_container_client("bodies").upload_blob("a", b"1")) == "503 ServerBusy", "and blobs"
        cloud.faults.busy = lambda id: False
        cloud.faults.drop()
        assert await code(queue.send_message("x")) == "", "healed"


async def test_a_clock_that_is_ahead_expires_messages_with_a_time_to_live_only(cloud, account):
    async with clients(cloud, account) as (queue, _):
        for name, life in (("forever", -1), ("a week", 7 * 86400), ("a month", 30 * 86400)):
            await queue.send_message(name, time_to_live=life)
        cloud.faults.add(Fault("clock", region="eastus", value=8))
        await asyncio.sleep(0.8)
        assert await take(queue) == ["forever", "a month"], "eight days later; tokens go on working"
        cloud.faults.drop("eastus")
        await asyncio.sleep(1.2)
        assert await take(queue) == ["forever", "a month"], "healed: what stayed is seen again, at the usual time"


async def test_ending_loses_no_acknowledged_write_under_load_and_is_quick(cloud, account):
    sent, done = [], asyncio.Event()

    async def load(writer: int) -> None:
        async with clients(cloud, account) as (queue, blobs):
            bodies = blobs.get_container_client("bodies")
            while not done.is_set():
                name = f"{writer}-{time.monotonic_ns()}"
                try:
                    await bodies.upload_blob(name, os.urandom(20_000))
                    await queue.send_message(name, time_to_live=-1)
                    sent.append(name)
                except ClientError:
                    await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        for writer in range(8):
            group.create_task(load(writer))
        for ends in (1, 2):
            while len(sent) < 20 * ends:
                await asyncio.sleep(0.05)
            began = time.monotonic()
            await cloud.runner.stop("storage-trackq")
            assert time.monotonic() - began < 2, f"it took {time.monotonic() - began:.1f} s to end"
            await cloud.restore()
        done.set()
    async with clients(cloud, account) as (queue, blobs):
        held = {blob.name async for blob in blobs.get_container_client("bodies").list_blobs()}
        got = set(await take(queue))
    assert set(sent) <= got & held, f"{len(set(sent) - (got & held))} of {len(sent)} acknowledged writes are gone"
