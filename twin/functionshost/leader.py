"""One worker of all instances leads: it runs the timers and the blob scans, which must not run twice.

A lease on a blob in the host's storage decides, as the WebJobs SDK's singleton does:
https://learn.microsoft.com/azure/app-service/webjobs-sdk-how-to#singleton-attribute
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import BlobLeaseClient, ContainerClient

from .hostjson import Host
from .invoke import pause
from .logs import failure, log

CONTAINER = "azure-webjobs-hosts"
LEASE, RENEW, RETRY = 15, 5.0, 3.0
"""Seconds: the shortest lease that Azure grants, how often it is renewed, how often others try to get it."""


async def lead(
    container: ContainerClient, host: Host, stopping: asyncio.Event, work: Callable[[], Awaitable[None]]
) -> None:
    """Run `work` whenever this process holds the lease, until stopping; `work` itself ends on stopping."""
    blob = container.get_blob_client(f"locks/{host.id}/host")
    while not stopping.is_set():
        try:
            with contextlib.suppress(ResourceExistsError):
                await container.create_container()
            with contextlib.suppress(ResourceExistsError):
                await blob.upload_blob(b"", overwrite=False)
            lease = await blob.acquire_lease(LEASE)
        except (AzureError, OSError) as error:
            if not isinstance(error, ResourceExistsError):  # 409 LeaseAlreadyPresent: another one leads
                log("host_storage_unavailable", "warning", **failure(error))
            await pause(stopping, RETRY * random.uniform(0.8, 1.2))
        else:
            await _hold(lease, work)


async def _hold(lease: BlobLeaseClient, work: Callable[[], Awaitable[None]]) -> None:
    log("leading")
    task, renewed = asyncio.ensure_future(work()), time.monotonic()
    while not (await asyncio.wait([task], timeout=RENEW))[0]:
        try:
            await lease.renew()
            renewed = time.monotonic()
        except (AzureError, OSError) as error:
            log("lead_not_renewed", "warning", **failure(error))
            if time.monotonic() - renewed > LEASE - RENEW:
                task.cancel()
    with contextlib.suppress(AzureError, OSError):
        await lease.release()
    with contextlib.suppress(asyncio.CancelledError):
        await task
