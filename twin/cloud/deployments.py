"""The deployment endpoint of web and function apps (Kudu), under /scm/<site>/.

https://learn.microsoft.com/azure/app-service/deploy-zip#deploy-with-rest-apis (POST /api/publish) and
https://github.com/projectkudu/kudu/wiki/REST-API#deployment (GET /api/deployments/latest: 202 while it runs; status
3 failed, 4 success).  Entra tokens only, as with basic authentication switched off.
"""

import asyncio
import datetime
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from twin.cloud import packages
from twin.cloud.identities import TokenEndpoint
from twin.home import Home, read_json, write_json
from twin.services.base import AzureError, Resource

log = logging.getLogger(__name__)
DEPLOYING, FAILED, SUCCESS = 2, 3, 4
KEPT = 10
"""Records per site; of their code, the builds of the last two successes stay."""
Publish = Callable[[Resource, Path, str], Awaitable[None]]


class DeploymentCenter:
    """Takes packages, checks and unpacks them and has the site's service run them."""

    def __init__(self, home: Home, identities: TokenEndpoint, site: Callable[[str], Resource | None], publish: Publish):
        self._home, self._identities, self._site, self._publish = home, identities, site, publish
        self._tasks: dict[str, asyncio.Task] = {}

    def current(self, site: str) -> tuple[Path, str] | None:
        """(folder, build) that the site runs; None before the first successful deployment."""
        for record in reversed(self.records(site)):
            if record["status"] == SUCCESS and (folder := self._home.apps / site / record["build"]).exists():
                return folder, record["build"]
        return None

    def records(self, site: str) -> list[dict[str, Any]]:
        """The site's deployments, oldest first."""
        return read_json(self._home.packages / site / "deployments.json", [])

    def forget(self, site: str) -> None:
        """Drops the packages and the code of a site that was deleted."""
        for folder in (self._home.packages / site, self._home.apps / site):
            shutil.rmtree(folder, ignore_errors=True)

    def interrupted(self) -> None:
        """After a restart of the daemon: what was under way has failed."""
        for file in self._home.packages.glob("*/deployments.json"):
            if (record := self.records(file.parent.name)[-1])["status"] == DEPLOYING:
                self._finish(file.parent.name, record, FAILED, "It was interrupted; post the package again.")

    def begin(self, site: Resource, package: Path) -> dict[str, Any]:
        """Starts a deployment of the file, which is taken over; AzureError when one is under way."""
        if site.name in self._tasks:
            package.unlink()
            raise AzureError("Conflict", "There is a deployment currently in progress. Try again when it is done.", 409)
        record = {"id": str(uuid.uuid4()), "build": "", "status": DEPLOYING, "status_text": "Deploying", "message": "",
                  "complete": False, "active": False, "site_name": site.name, "deployer": "OneDeploy",
                  "received_time": _now(), "start_time": _now(), "end_time": None}
        self._save(site.name, record)
        task = self._tasks[site.name] = asyncio.create_task(self._deploy(site, package, record))
        task.add_done_callback(lambda _: self._tasks.pop(site.name))
        return record

    async def _deploy(self, site: Resource, package: Path, record: dict[str, Any]) -> None:
        try:
            build = record["build"] = await asyncio.to_thread(packages.check, package)
            folder = self._home.apps / site.name / build
            await asyncio.to_thread(packages.unpack, package, folder)
            await self._publish(site, folder, build)
        except Exception as error:  # the poster is told what went wrong, whatever it was
            if not isinstance(error, packages.PackageRefused):
                log.exception("deployment to %s failed", site.name)
            self._finish(site.name, record, FAILED, str(error) or type(error).__name__)
        else:
            self._finish(site.name, record, SUCCESS, f"build {build} runs on every instance")
        self._file(site.name, package, record)

    def _file(self, site: str, package: Path, record: dict[str, Any]) -> None:
        """Keeps the packages and the code of the last two successes, and no other."""
        if record["status"] == SUCCESS:
            package.replace(package.with_name(f"{record['build']}.zip"))
        package.unlink(missing_ok=True)
        kept = [entry["build"] for entry in self.records(site) if entry["status"] == SUCCESS][-2:]
        for folder in (self._home.apps / site).glob("*"):
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)
                package.with_name(f"{folder.name}.zip").unlink(missing_ok=True)

    def _finish(self, site: str, record: dict[str, Any], status: int, message: str) -> None:
        text = "Success" if status == SUCCESS else "Failed"
        record |= {"status": status, "status_text": text, "message": message, "complete": True,
                   "active": status == SUCCESS, "end_time": _now()}
        self._save(site, record)

    def _save(self, site: str, record: dict[str, Any]) -> None:
        folder = self._home.packages / site
        folder.mkdir(exist_ok=True)
        others = [entry for entry in self.records(site) if entry["id"] != record["id"]]
        write_json(folder / "deployments.json", [*others, record][-KEPT:])

    def routes(self) -> APIRouter:
        """POST /scm/<site>/api/publish and GET /scm/<site>/api/deployments/latest."""
        router = APIRouter(prefix="/scm/{name}/api")

        def authorised(name: str, request: Request) -> Resource:
            self._identities.check_deployer(request.headers.get("authorization"))
            if site := self._site(name):
                return site
            raise AzureError("ResourceNotFound", f"There is no site {name}.", 404)

        @router.post("/publish")
        async def publish(name: str, request: Request, type: str = "") -> JSONResponse:
            site = authorised(name, request)
            if type != "zip":
                raise AzureError("BadRequest", f"type={type} is not covered here; post a package with type=zip.")
            record = self.begin(site, await self._receive(site.name, request))
            where = request.url.replace(path="/api/deployments/latest", query="")
            return JSONResponse(record, 202, {"Location": str(where)})

        @router.get("/deployments/latest")
        def latest(name: str, request: Request) -> JSONResponse:
            records = self.records(authorised(name, request).name)
            if not records:
                raise AzureError("NotFound", f"{name} has no deployment yet.", 404)
            return JSONResponse(records[-1], 200 if records[-1]["complete"] else 202)
        return router

    async def _receive(self, site: str, request: Request) -> Path:
        folder = self._home.packages / site
        folder.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".zip", delete=False) as file:
            try:
                async for chunk in request.stream():
                    if file.tell() <= packages.PACKED_LIMIT:
                        file.write(chunk)
            except BaseException:  # the poster went away, or the twin ends
                os.unlink(file.name)
                raise
        return Path(file.name)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()
