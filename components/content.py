"""The site's files in their container, written with an Entra token."""

import contextlib
import mimetypes
import time
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from components import packages
from components.deployment import changed, difference

PACKAGE = "site"
ROLE_WITHIN = 600.0
"""Seconds until a new role assignment is in force: at most ten minutes, says
https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected"""
PAUSE = 5.0
Props = dict[str, typing.Any]


class ContentProvider(ResourceProvider):
    """Uploads what is new, removes what is gone.  azure-native's own `storage.Blob` would use account keys:
    https://github.com/pulumi/pulumi-azure-native/issues/2432"""

    serialize_as_secret_always = False

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Another account, or one about to be replaced, needs all files; an endpoint not known yet stays the same."""
        moved = [key for key in ("account", "container") if olds.get(key) != news.get(key)]
        return difference(moved, changed(olds, news, "files", "endpoint"))

    def create(self, props: Props) -> CreateResult:
        return CreateResult(props["container"], self._write(props, {}))

    def update(self, _id: str, olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(self._write(news, olds.get("files") or {}))

    def delete(self, _id: str, props: Props) -> None:
        """Nothing: the files go with their container."""

    def _write(self, props: Props, old: dict[str, str]) -> Props:
        from azure.identity import DefaultAzureCredential
        from azure.storage.blob import BlobServiceClient
        site = packages.load(PACKAGE)
        if site.sha256 != props["sha256"]:
            raise RuntimeError("site: the files changed while `pulumi up` ran; run it again")
        with BlobServiceClient(props["endpoint"], DefaultAzureCredential()) as service:
            container = service.get_container_client(props["container"])
            for path in (path for path, digest in props["files"].items() if old.get(path) != digest):
                _once_allowed(partial(_upload, container, path, site.contents[path]))
            for path in sorted(set(old) - set(props["files"])):
                _once_allowed(partial(_remove, container, path))
        return props


def _upload(container: typing.Any, path: str, content: bytes) -> None:
    from azure.storage.blob import ContentSettings
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    container.upload_blob(path, content, overwrite=True, content_settings=ContentSettings(
        content_type=kind, cache_control="public, max-age=300"))


def _remove(container: typing.Any, path: str) -> None:
    """One that is gone already is none to mind: an `up` that was broken off has removed it."""
    from azure.core.exceptions import ResourceNotFoundError
    with contextlib.suppress(ResourceNotFoundError):
        container.delete_blob(path)


def _once_allowed(write: Callable[[], object], within: float = ROLE_WITHIN, pause: float = PAUSE) -> None:
    """Tries again while the deployer's role is not yet in force (403)."""
    from azure.core.exceptions import HttpResponseError
    end = time.monotonic() + within
    while True:
        try:
            write()
            return
        except HttpResponseError as error:
            if error.status_code != 403 or time.monotonic() > end:
                raise
        time.sleep(pause)


@dataclass(frozen=True)
class ContentArgs:
    """`account` is a resource id, `endpoint` where its blobs are written, such as https://x.blob.core.windows.net/."""

    account: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    container: str


class Content(Resource, module="tracking", name="Content"):
    """The files of `site/`, each named with its hash, so that a preview shows which one changed."""

    def __init__(self, name: str, args: ContentArgs, opts: pulumi.ResourceOptions | None = None):
        site = packages.load(PACKAGE)
        super().__init__(ContentProvider(), name, {
            "account": args.account, "endpoint": args.endpoint, "container": args.container,
            "sha256": site.sha256, "files": site.files}, opts)
