"""Azure's management clients against a twin's Resource Manager."""

import asyncio
import time
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from azure.core.credentials import AccessToken

from twin.cloud.api import application
from twin.services.base import DEPLOYER, SUBSCRIPTION


class Operator:
    """A credential of Azure's SDK: whoever runs `pulumi up`, or the identity with that id."""

    def __init__(self, cloud, identity: str = DEPLOYER):
        self._cloud, self._identity = cloud, identity

    async def get_token(self, *scopes, **_) -> AccessToken:
        """For the first scope's audience."""
        token = await self._cloud.identities.token(self._identity, scopes[0].removesuffix("/.default"))
        return AccessToken(token, int(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> "Operator":
        return self

    async def __aexit__(self, *_) -> None:
        """Nothing is open."""


@asynccontextmanager
async def managed(cloud, client: type) -> Any:
    """A client of that class, which asks this twin instead of Azure."""
    port = await cloud.ports.of("arm")
    cloud.arm = f"https://localhost:{port}"
    server = uvicorn.Server(uvicorn.Config(
        application(cloud, "secret", asyncio.Event()), host="127.0.0.1", port=port, log_config=None, lifespan="off",
        ssl_certfile=cloud.tls.cert, ssl_keyfile=cloud.tls.key))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    async with client(Operator(cloud), SUBSCRIPTION, base_url=cloud.arm, connection_verify=str(cloud.tls.own_ca),
                      credential_scopes=["https://management.azure.com/.default"], polling_interval=0.1) as made:
        yield made
    server.should_exit = True
    await serving
