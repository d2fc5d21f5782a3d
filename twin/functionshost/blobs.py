"""The blob trigger, by scanning the container: every new or changed blob once, remembered by a receipt.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob-trigger#polling-and-latency
Receipts are empty blobs `blobreceipts/<host id>/<function>/<etag>/<container>/<blob>` in the host's container, as there;
a blob whose function fails five times goes to the queue `webjobs-blobtrigger-poison`, here of the host's storage.
"""

import contextlib
import json
import re

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions.blob import InputStream
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from .connections import HOST_STORAGE, Connections
from .hostjson import Host
from .invoke import Failed, Invoker, NotStarted
from .leader import pause
from .logs import failure, log
from .package import Function

ATTEMPTS, POISON_QUEUE = 5, "webjobs-blobtrigger-poison"
LONGEST_WAIT = 10.0


def pattern(path: str) -> re.Pattern[str]:
    """`photos/{name}.jpg` -> what matches `photos/a/b.jpg`: each `{part}` stands for any text but the empty one."""
    return re.compile(
        "".join(".+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", path))
    )


class BlobWatcher:
    """Feeds one function from one container; run by the leader only."""

    def __init__(self, function: Function, host: Host, connections: Connections, invoker: Invoker) -> None:
        self._function, self._host, self._connections, self._invoker = function, host, connections, invoker
        self._container_name, _, rest = function.trigger["path"].partition("/")
        self._pattern = pattern(rest or "{name}")
        self._service: BlobServiceClient = connections.blobs(function.trigger.get("connection"))
        self._receipts: ContainerClient = connections.blobs(HOST_STORAGE).get_container_client("azure-webjobs-hosts")
        self._seen: dict[str, str] = {}

    async def run(self) -> None:
        wait = 1.0
        while not self._invoker.stopping.is_set():
            try:
                found = await self._scan()
            except (AzureError, OSError) as error:
                log("container_unavailable", "warning", container=self._container_name, **failure(error))
                found = 0
            wait = 1.0 if found else min(LONGEST_WAIT, wait * 1.5)
            await pause(self._invoker.stopping, wait)

    async def _scan(self) -> int:
        handled = 0
        async for blob in self._service.get_container_client(self._container_name).list_blobs(include=["metadata"]):
            if self._seen.get(blob.name) == blob.etag or not self._pattern.fullmatch(blob.name):
                continue
            receipt = self._receipts.get_blob_client(
                f"blobreceipts/{self._host.id}/Host.Functions.{self._function.name}/{blob.etag}/"
                f"{self._container_name}/{blob.name}"
            )
            if not await receipt.exists():
                await self._handle(blob)
                await receipt.upload_blob(b"", overwrite=True)
                handled += 1
            self._seen[blob.name] = blob.etag
        return handled

    async def _handle(self, blob: BlobProperties) -> None:
        client = self._service.get_blob_client(self._container_name, blob.name)
        try:
            content = await (await client.download_blob()).readall()
        except ResourceNotFoundError:  # deleted since it was listed
            return
        for _ in range(ATTEMPTS):
            stream = InputStream(
                data=content,
                name=f"{self._container_name}/{blob.name}",
                uri=client.url,
                length=len(content),
                blob_properties={"ETag": blob.etag, "Length": len(content)},
                metadata=blob.metadata or {},
            )
            try:
                return await self._invoker(self._function, stream)
            except Failed:
                continue
        await self._poison(blob)

    async def _poison(self, blob: BlobProperties) -> None:
        queue = self._connections.queue(HOST_STORAGE, POISON_QUEUE)
        with contextlib.suppress(ResourceExistsError):
            await queue.create_queue()
        names = {"FunctionId": f"Host.Functions.{self._function.name}", "BlobType": "BlockBlob"}
        names |= {"ContainerName": self._container_name, "BlobName": blob.name, "ETag": blob.etag}
        await queue.send_message(json.dumps(names))
        log("blob_poisoned", "error", function=self._function.name, container=self._container_name)
