"""A control plane with a pretended service, in this process; no port but what a test asks for."""

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from twin.cloud.api import application
from twin.cloud.cloud import LocalCloud
from twin.home import Home
from twin.runner import PortBook, Runner
from twin.services.base import DEPLOYER, AzureError, Resource, Tools

GROUP = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-east"
SITE = f"{GROUP}/providers/Microsoft.Web/sites/web-east"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-web"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-east"
TYPES = {"site": "azure-native:web:WebApp", "identity": "azure-native:managedidentity:UserAssignedIdentity",
         "vault": "azure-native:keyvault:Vault", "role": "azure-native:authorization:RoleAssignment",
         "account": "azure-native:storage:StorageAccount"}


class Pretended:
    """Realises everything by writing it down; `failing` names are refused."""

    realised = frozenset(TYPES.values())
    recorded = frozenset()

    def __init__(self):
        self.calls: list[tuple[Any, ...]] = []
        self.failing: set[str] = set()
        self.busy = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def put(self, cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        self.calls.append(("put", resource.name, previous.outputs if previous else None))
        self.busy += 1
        assert self.busy == 1 or resource.type != TYPES["account"], "one change at a time per resource"
        await asyncio.sleep(0.01)
        self.busy -= 1
        if resource.name in self.failing:
            raise AzureError("SkuNotAvailable", f"{resource.name}: the SKU is not available.", 409)
        return resource.inputs.get("properties", {}) | {"provisioningState": "Succeeded"}

    async def delete(self, cloud, resource: Resource) -> None:
        self.calls.append(("delete", resource.name))

    async def restore(self, cloud, resource: Resource) -> None:
        self.calls.append(("restore", resource.name))
        if resource.name in self.failing:
            raise AzureError("Failed", "it does not start", 500)

    async def publish(self, cloud, resource: Resource, directory: Path, build: str) -> None:
        await self.gate.wait()
        self.calls.append(("publish", resource.name, build, sorted(os.listdir(directory))))
        if resource.name in self.failing:
            raise AzureError("Failed", "the app does not start: its log", 500)

    async def power(self, cloud, resource: Resource, verb: str) -> None:
        self.calls.append((verb, resource.name))


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    return home


@pytest.fixture
def service() -> Pretended:
    return Pretended()


@pytest.fixture
def make_cloud(home, service):
    """Makes a control plane of the same home; a second one is the next daemon."""
    def make() -> LocalCloud:
        runner = Runner(home)
        tools = Tools(*map(Path, ("azurite", "redis", "haproxy", "postgres", "python", "toxiproxy")))
        return LocalCloud(home, "http://127.0.0.1:1", "https://localhost:2", PortBook(home, runner.owns), runner, tools,
                          [service])
    return make


@pytest.fixture
def cloud(make_cloud) -> LocalCloud:
    return make_cloud()


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def client(cloud, stop):
    transport = httpx.ASGITransport(application(cloud, "secret", stop), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://twin",
                                 headers={"Authorization": "Bearer secret"}) as client:
        yield client


@pytest.fixture
def bearer(cloud):
    """A header with the deployer's token for an audience."""
    async def header(audience: str, identity: str = DEPLOYER) -> dict[str, str]:
        return {"Authorization": f"Bearer {await cloud.identities.token(identity, audience)}"}
    return header


@pytest.fixture
def ids() -> SimpleNamespace:
    """ARM ids that the tests share."""
    return SimpleNamespace(group=GROUP, site=SITE, identity=IDENTITY, vault=VAULT,
                           account=f"{GROUP}/providers/Microsoft.Storage/storageAccounts/queues")


@pytest.fixture
def wanted():
    """Makes the body of a PUT /twin/resources."""
    def make(id: str, type: str, **inputs: Any) -> dict[str, Any]:
        return {"urn": "urn:x", "type": TYPES.get(type, type), "id": id, "name": id.rpartition("/")[2],
                "inputs": inputs}
    return make


@pytest.fixture
async def app_with_identity(cloud):
    """A site with one user-assigned identity, and a vault."""
    await cloud.put(IDENTITY, TYPES["identity"], "id-web", {"properties": {"clientId": "c-1", "principalId": "p-1"}})
    await cloud.put(VAULT, TYPES["vault"], "kv-east", {})
    await cloud.put(SITE, TYPES["site"], "web-east", {"location": "East US", "identity": {
        "type": "UserAssigned", "userAssignedIdentities": [IDENTITY]}})
    return cloud
