"""The blob trigger, by scanning the container: every new or changed blob once, remembered by a receipt.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob-trigger#polling-and-latency
Receipts are empty blobs `blobreceipts/<host id>/<function>/<etag>/<container>/<blob>` in the host's container, as
there.  A blob whose function fails five times goes to the queue `webjobs-blobtrigger-poison` of the host's storage.
"""

import contextlib
import json
import re

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions.blob import InputStream
from azure.storage.blob import BlobProperties

from .connections import HOST_STORAGE, Connections
from .hostjson import Host
from .invoke import Failed, Invoker, pause
from .leader import CONTAINER
from .logs import failure, log
from .package import Function

ATTEMPTS, POISON_QUEUE = 5, "webjobs-blobtrigger-poison"
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 10.0


def pattern(path: str) -> re.Pattern[str]:
    """`in/{name}.jpg` -> what matches `in/a/b.jpg`: each `{part}` stands for any text but the empty one."""
    parts = re.split(r"(\{\w+\})", path)
    return re.compile("".join(".+" if part.startswith("{") else re.escape(part) for part in parts))


class BlobWatcher:
    """Feeds one function from one container; run by the leader only."""

    def __init__(self, function: Function, host: Host, connections: Connections, invoker: Invoker) -> None:
        self._function, self._invoker, self._id = function, invoker, f"Host.Functions.{function.name}"
        name, _, path = function.trigger["path"].partition("/")
        self._container = connections.blobs(function.trigger.get("connection")).get_container_client(name)
        self._pattern = pattern(path or "{name}")
        self._receipts = connections.blobs(HOST_STORAGE).get_container_client(CONTAINER)
        self._prefix = f"blobreceipts/{host.id}/{self._id}"
        self._poison_queue = connections.queue(HOST_STORAGE, POISON_QUEUE)
        self._seen: dict[str, str] = {}

    async def run(self) -> None:
        """Scan until the invoker stops, more slowly while nothing is new."""
        wait = SHORTEST_WAIT
        while not self._invoker.stopping.is_set():
            try:
                found = await self._scan()
            except (AzureError, OSError) as error:
                log("container_unavailable", "warning", container=self._container.container_name, **failure(error))
                found = False
            wait = SHORTEST_WAIT if found else min(LONGEST_WAIT, wait * 1.5)
            await pause(self._invoker.stopping, wait)

    async def _scan(self) -> bool:
        found = False
        async for blob in self._container.list_blobs(include=["metadata"]):
            if self._seen.get(blob.name) == blob.etag or not self._pattern.fullmatch(blob.name):
                continue
            path = f"{self._prefix}/{blob.etag}/{self._container.container_name}/{blob.name}"
            receipt = self._receipts.get_blob_client(path)
            if not await receipt.exists():
                await self._handle(blob)
                await receipt.upload_blob(b"", overwrite=True)
                found = True
            self._seen[blob.name] = blob.etag
        return found

    async def _handle(self, blob: BlobProperties) -> None:
        client = self._container.get_blob_client(blob.name)
        try:
            content = await (await client.download_blob()).readall()
        except ResourceNotFoundError:  # deleted since it was listed
            return
        told = {"name": f"{self._container.container_name}/{blob.name}", "uri": client.url, "length": len(content),
                "blob_properties": {"ETag": blob.etag, "Length": len(content)}, "metadata": blob.metadata or {}}
        for _ in range(ATTEMPTS):
            with contextlib.suppress(Failed):
                await self._invoker(self._function, InputStream(data=content, **told))
                return
        await self._poison(blob)

    async def _poison(self, blob: BlobProperties) -> None:
        with contextlib.suppress(ResourceExistsError):
            await self._poison_queue.create_queue()
        names = {"FunctionId": self._id, "BlobType": "BlockBlob", "ContainerName": self._container.container_name,
                 "BlobName": blob.name, "ETag": blob.etag}
        await self._poison_queue.send_message(json.dumps(names))
        log("blob_poisoned", "error", function=self._function.name, container=self._container.container_name)
