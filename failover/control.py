"""Control documents in the regions' blob accounts, written only as they were last seen.

Conditions: https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob.aio import ContainerClient

from failover.cloud import Cloud
from failover.errors import Conflict, told
from failover.observation import Observation, Seen
from failover.steps import Decide
from shipments.settings import CONTROL
from shipments.standing import Document, Unreadable

ROLE = "Storage Blob Data Contributor"


class Answer:
    """What a read leaves beside its content: the storage's clock."""

    def __init__(self) -> None:
        self.date: datetime | None = None

    def __call__(self, response: Any) -> None:
        if stamp := response.http_response.headers.get("Date"):
            self.date = parsedate_to_datetime(stamp)


async def read(container: ContainerClient, blob: str, answer: Answer) -> tuple[bytes, str] | None:
    """(content, ETag); None when there is no such blob.  Raises AzureError."""
    try:
        stream = await container.download_blob(blob, raw_response_hook=answer)
        return await stream.readall(), stream.properties.etag
    except ResourceNotFoundError as error:
        answer.date = answer.date or _date(error)
        if getattr(error, "error_code", "") == "ContainerNotFound":
            raise
        return None


class Control:
    """Knows the ETag of every document as this operator saw or wrote it last."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud
        self._etags: dict[tuple[str, str], str | None] = {}

    def saw(self, seen: Observation) -> None:
        """What the plan was made from: what differs from it later was written by somebody else."""
        self._etags = {(service, region): found.etag for region, view in seen.regions.items()
                       for service, found in view.controls.items()}

    async def look(self, region: str, service: str, answer: Answer) -> Seen:
        """Raises AzureError when the account does not answer."""
        found = await read(self.cloud.control(region), f"{service}.json", answer)
        if found is None:
            return Seen()
        try:
            return Seen(Document.parse(found[0], service, region), found[1])
        except Unreadable as error:
            return Seen(None, found[1], str(error))

    async def decide(self, step: Decide) -> None:
        """Region after region, in the step's order; the documents of one region at once.  Raises Conflict, Denied,
        NotAsAsked."""
        for region in step.regions:
            await asyncio.gather(*(self._write(region, document) for document in step.documents))

    async def _write(self, region: str, document: Document) -> None:
        key, blob = (document.service, region), f"{document.service}.json"
        etag, client = self._etags.get(key), self.cloud.control(region).get_blob_client(blob)
        condition: Mapping[str, Any] = {"overwrite": False} if etag is None else {
            "overwrite": True, "etag": etag, "match_condition": MatchConditions.IfNotModified}
        with told(f"writing control/{blob} in {region}", self._scope(region, blob), ROLE):
            try:
                self._etags[key] = (await client.upload_blob(document.encode(region), **condition))["etag"]
            except (ResourceExistsError, ResourceModifiedError) as error:
                self._etags[key] = await self._settled(region, document, error)

    def _scope(self, region: str, blob: str) -> str:
        account = self.cloud.platform.regions[region].blob_account_id
        return f"{account}/blobServices/default/containers/{CONTROL} (blob {blob})"

    async def _settled(self, region: str, document: Document, error: HttpResponseError) -> str | None:
        """The blob changed.  When it holds what was to be written, an answer was lost on its way, and all is well."""
        found = await self.look(region, document.service, Answer())
        if found.document == document:
            return found.etag
        other = found.document
        who = f"{other.by or 'somebody'} wrote epoch {other.epoch} ({other.reason}) at {other.since}" if other else \
            f"it is not readable now ({found.problem or 'it was deleted'})"
        raise Conflict(f"control/{document.service}.json in {region} was changed by another operator while this ran: "
                       f"{who}. Nothing of it was overwritten. Talk to them, look at `failover status`, and run the "
                       "verb again if it is still wanted: it plans from what is there then.") from error


def _date(error: HttpResponseError) -> datetime | None:
    stamp = error.response.headers.get("Date") if error.response else None
    return parsedate_to_datetime(stamp) if stamp else None


def why_away(error: BaseException) -> str:
    """Why a region's control container did not answer, in a few words."""
    if isinstance(error, HttpResponseError):
        return f"{error.status_code} {getattr(error, 'error_code', '') or ''}".strip()
    said = str(error).lower()
    known = {"connect call failed": "connection refused", "timeout": "no answer in time",
             "timed out": "no answer in time"}
    return next((short for text, short in known.items() if text in said), type(error).__name__)
