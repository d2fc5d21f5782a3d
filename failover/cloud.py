"""Clients of Azure, made when first needed: importing all the SDKs takes seconds that a failover does not have."""

import asyncio
import importlib
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from failover.platform import Platform
from failover.settings import Settings
from shipments.queues import Transport
from shipments.settings import CONTROL

MANAGEMENT_SCOPE = "https://management.azure.com/.default"
TIMES = {"connection_timeout": 1.5, "read_timeout": 2.5}
RETRIES: dict[str, Any] = {"retry_total": 1, "initial_backoff": 0.2, "increment_base": 0.2, "random_jitter_range": 0}
"""A region that is frozen answers nothing; looking at it must not hold up what is done for the other one."""
ARM: dict[str, Any] = {"retry_total": 2, "connection_timeout": 5, "read_timeout": 30, "polling_interval": 1}
CLIENTS = {"storage": ("azure.mgmt.storage.aio", "StorageManagementClient"),
           "postgres": ("azure.mgmt.postgresqlflexibleservers.aio", "PostgreSQLManagementClient"),
           "web": ("azure.mgmt.web.aio", "WebSiteManagementClient"),
           "cdn": ("azure.mgmt.cdn.aio", "CdnManagementClient")}


@dataclass(frozen=True)
class Id:
    """What of a resource id the clients ask for: /subscriptions/…/resourceGroups/<group>/providers/…/<name>."""

    text: str

    @property
    def group(self) -> str:
        return self.text.split("/")[4]

    @property
    def name(self) -> str:
        return self.text.rsplit("/", 1)[-1]


class Cloud:
    """`async with Cloud(settings, platform, credential)`; a custom Resource Manager gets the public one's scope, as
    https://learn.microsoft.com/python/api/azure-mgmt-storage/azure.mgmt.storage.aio.storagemanagementclient says."""

    def __init__(self, settings: Settings, platform: Platform, credential: AsyncTokenCredential | None = None):
        self.settings, self.platform, self._credential = settings, platform, credential
        self._open = AsyncExitStack()
        self._arm: dict[str, Any] = {}

    async def close(self) -> None:
        await self._open.aclose()

    @cached_property
    def credential(self) -> AsyncTokenCredential:
        if self._credential is None:
            from azure.identity.aio import DefaultAzureCredential

            self._credential = DefaultAzureCredential()
            self._open.push_async_callback(self._credential.close)
        return self._credential

    async def arm(self, name: str) -> Any:
        """A client of CLIENTS, imported beside the event loop."""
        if name not in self._arm:
            module, kind = CLIENTS[name]
            make = getattr(await asyncio.to_thread(importlib.import_module, module), kind)
            if name not in self._arm:
                where = {"base_url": self.settings.arm} if self.settings.arm else {}
                self._arm[name] = make(self.credential, self.platform.subscription, **where,
                                       credential_scopes=[MANAGEMENT_SCOPE], **ARM)
                self._open.push_async_callback(self._arm[name].close)
        return self._arm[name]

    @cached_property
    def _blobs(self) -> dict[str, BlobServiceClient]:
        made = {name: BlobServiceClient(region.blob_uri, credential=self.credential, transport=Transport(**TIMES),
                                        **RETRIES) for name, region in self.platform.regions.items()}
        for client in made.values():
            self._open.push_async_callback(client.close)
        return made

    def control(self, region: str) -> ContainerClient:
        """The container that holds the region's control documents and its journal report."""
        return self._blobs[region].get_container_client(CONTROL)


def trust() -> ssl.SSLContext:
    """What this machine trusts, or SSL_CERT_FILE."""
    return ssl.create_default_context()
