"""The real control plane without its daemon: services are asked directly, their servers are the real ones."""

import random

import pytest

from twin.cloud.cloud import LocalCloud, find_tools, load_services
from twin.home import Home
from twin.runner import PortBook, Runner
from twin.services.base import SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"


class Arm:
    """Puts resources by their ARM path, as the provider does."""

    def __init__(self, cloud: LocalCloud):
        self.cloud = cloud

    async def put(self, token: str, path: str, **inputs) -> dict:
        """put("storage:Queue", "Microsoft.Storage/storageAccounts/a/…/q") -> outputs."""
        return await self.cloud.put(self.id(path), f"azure-native:{token}", path.rpartition("/")[2], inputs)

    def id(self, path: str) -> str:
        """The ARM id."""
        return f"{GROUP}/providers/{path}"

    async def identity(self, name: str) -> dict:
        """A user-assigned identity's outputs."""
        return await self.put("managedidentity:UserAssignedIdentity",
                              f"Microsoft.ManagedIdentity/userAssignedIdentities/{name}", location="eastus")


@pytest.fixture
async def cloud(tmp_path):
    """A twin of its own, stopped at the end."""
    block = random.randrange(20_000, 32_000, 50)  # below the ports that outgoing connections take
    home = Home(tmp_path / "twin", block, block + 1)
    home.prepare()
    runner = Runner(home)
    ports = PortBook(home, runner.owns)
    cloud = LocalCloud(home, "http://127.0.0.1:9", "https://localhost:9", ports, runner, find_tools(), load_services())
    yield cloud
    await cloud.close()


@pytest.fixture
def arm(cloud) -> Arm:
    """Puts resources into that twin."""
    return Arm(cloud)
