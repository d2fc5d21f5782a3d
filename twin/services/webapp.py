"""Web apps: as many instances of the posted code as the plan has workers, replaced without a gap.

https://learn.microsoft.com/azure/app-service/reference-app-settings (what an app finds in its environment)
https://learn.microsoft.com/azure/app-service/configure-language-python (start-up command, PORT)
"""

import asyncio
import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from twin.home import read_json, write_json
from twin.runner import Http, ProcessSpec, Ready
from twin.services import frontend
from twin.services.appsettings import settings
from twin.services.base import TENANT, AzureError, Cloud, Handler, Resource, TwinError
from twin.services.shapes import guid, shaped, tokens

SITE = "azure-native:web:WebApp"
READY_WITHIN = 60.0
_locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)


class WebApp:
    """Realises `kind` app; function apps are `functionapp.SERVICE`, plans `plans.SERVICE`."""

    realised = tokens("web", "WebApp")
    recorded = tokens("web", "WebAppFtpAllowed", "WebAppScmAllowed")

    def serves(self, resource: Resource) -> bool:
        """Function apps carry their kind."""
        return resource.type != SITE or "functionapp" not in (resource.inputs.get("kind") or "")

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """The hosts answer when this returns; changed settings have reached every instance."""
        if resource.type in self.recorded:
            return shaped(resource)
        self.check(cloud, resource)
        if deployed := cloud.deployments.current(resource.name):
            await self.publish(cloud, resource, *deployed)
        await frontend.apply(cloud, resource.location, put=resource)
        return await site_outputs(cloud, resource)

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """Ends its instances; its hosts go away."""
        if resource.type != SITE:
            return
        await frontend.apply(cloud, resource.location, without=resource.id)
        for process in running(cloud, resource):
            await cloud.runner.stop(process)
        (cloud.home.apps / resource.name / "live.json").unlink(missing_ok=True)

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """Starts what ran."""
        if resource.type == SITE:
            await self.put(cloud, resource, resource)

    async def publish(self, cloud: Cloud, resource: Resource, directory: Path, build: str) -> None:
        """Runs that build on every instance: new ones first, then the front end, then the old ones end.

        TwinError with the end of the log when an instance does not come up; the old ones go on."""
        async with _locks[resource.id]:
            live = read_live(cloud, resource)
            digest = await self.digest(cloud, resource, build)
            slot = live.get("slot", "b") if digest == live.get("digest") else other(live.get("slot", "b"))
            specs = [] if live.get("stopped") else await self.specs(cloud, resource, directory, build, slot)
            try:
                await asyncio.gather(*map(cloud.runner.start, specs))
            except TwinError:
                await asyncio.gather(*(cloud.runner.stop(spec.name) for spec in specs
                                       if spec.ports[0] not in live.get("ports", [])))
                raise
            live |= {"slot": slot, "digest": digest, "build": build, "ports": [spec.ports[0] for spec in specs]}
            write_live(cloud, resource, live)
            await frontend.apply(cloud, resource.location, put=resource)
            await asyncio.gather(*(cloud.runner.stop(name) for name in running(cloud, resource)
                                   if name not in {spec.name for spec in specs}))

    async def power(self, cloud: Cloud, resource: Resource, verb: str) -> None:
        """Stops, starts or restarts all instances (https://learn.microsoft.com/rest/api/appservice/web-apps/stop)."""
        if verb in ("stop", "restart"):
            write_live(cloud, resource, read_live(cloud, resource) | {"stopped": True})
            await frontend.apply(cloud, resource.location)
            await asyncio.gather(*map(cloud.runner.stop, running(cloud, resource)))
        if verb in ("start", "restart"):
            write_live(cloud, resource, read_live(cloud, resource) | {"stopped": False})
            if deployed := cloud.deployments.current(resource.name):
                await self.publish(cloud, resource, *deployed)
        await cloud.save_outputs(resource.id, state="Stopped" if verb == "stop" else "Running")

    def check(self, cloud: Cloud, resource: Resource) -> None:
        """Raises AzureError for what App Service would refuse too."""
        if not cloud.get(resource.inputs.get("serverFarmId") or ""):
            raise AzureError("NotFound", f"{resource.name}: cannot find the App Service plan "
                             f"'{resource.inputs.get('serverFarmId')}'. Create it first.", 404)

    async def digest(self, cloud: Cloud, resource: Resource, build: str) -> str:
        """Changes with whatever makes new instances necessary."""
        content = [build, await settings(cloud, resource), self.command(cloud, resource, Path(), 0)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def count(self, cloud: Cloud, resource: Resource) -> int:
        """Instances = workers of the plan."""
        plan = cloud.get(resource.inputs["serverFarmId"])
        return workers(plan) if plan else 1

    def command(self, cloud: Cloud, resource: Resource, directory: Path, port: int) -> tuple[str, ...]:
        """The start-up command, in a shell as App Service runs it; `exec` lets signals reach it."""
        line = (resource.inputs.get("siteConfig") or {}).get("appCommandLine")
        if not line:
            raise AzureError("BadRequest", f"{resource.name}: siteConfig.appCommandLine is empty. App Service would "
                             "guess how to start a Flask or Django app; the twin does not. Set the start-up command.")
        return ("/bin/sh", "-c", f"exec {line}")

    def ready(self, cloud: Cloud, resource: Resource, port: int) -> Ready:
        """The health check path, as App Service asks it; else the bare port."""
        path = (resource.inputs.get("siteConfig") or {}).get("healthCheckPath") or "/"
        return Http(f"http://127.0.0.1:{port}{path}")

    async def specs(self, cloud: Cloud, resource: Resource, directory: Path, build: str, slot: str
                    ) -> list[ProcessSpec]:
        """One process per instance; the slots "a" and "b" take turns, so that both generations can run at once."""
        return [await self.spec(cloud, resource, directory, build, f"{resource.name}-{number}{slot}")
                for number in range(self.count(cloud, resource))]

    async def spec(self, cloud: Cloud, resource: Resource, directory: Path, build: str, name: str) -> ProcessSpec:
        """One instance."""
        port, given = await cloud.ports.of(name), await settings(cloud, resource)
        service = (resource.inputs.get("tags") or {}).get("service") or given.get("SERVICE", "web")
        return ProcessSpec(
            name=name, command=self.command(cloud, resource, directory, port), cwd=directory, region=resource.location,
            service=service, ports=(port,), build=build, resource_id=resource.id, ready_within=READY_WITHIN,
            ready=self.ready(cloud, resource, port),
            environment={**cloud.environment, **given,
                         "PORT": str(port), "HOST": "127.0.0.1", "PYTHONUNBUFFERED": "1",
                         "WEBSITE_SITE_NAME": resource.name,
                         "WEBSITE_INSTANCE_ID": guid(resource.id, name).replace("-", ""),
                         "WEBSITE_HOSTNAME": f"localhost:{await cloud.ports.of(resource.name)}",
                         "IDENTITY_ENDPOINT": cloud.identities.endpoint,
                         "IDENTITY_HEADER": cloud.identities.header_for(resource.id)})


def workers(plan: Resource) -> int:
    """`sku.capacity` as it is now, 1 by default."""
    return int(((plan.outputs or plan.inputs).get("sku") or {}).get("capacity") or 1)


def running(cloud: Cloud, resource: Resource) -> list[str]:
    """Names of the app's processes."""
    return [process.spec.name for process in cloud.runner.all() if process.spec.resource_id == resource.id]


def other(slot: str) -> str:
    """"a" -> "b" -> "a"."""
    return "a" if slot == "b" else "b"


def read_live(cloud: Cloud, resource: Resource) -> dict[str, Any]:
    """{"slot", "digest", "build", "ports", "stopped"} of what serves; {} before the first code."""
    return read_json(cloud.home.apps / resource.name / "live.json", {})


def write_live(cloud: Cloud, resource: Resource, live: dict[str, Any]) -> None:
    """Keeps it for the front end and the next daemon."""
    folder = cloud.home.apps / resource.name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "live.json", live)


async def site_outputs(cloud: Cloud, resource: Resource) -> dict[str, Any]:
    """What ARM returns for a site, with this machine's hosts
    (https://learn.microsoft.com/rest/api/appservice/web-apps/get)."""
    host, scm = (f"localhost:{port}" for port in await frontend.site_ports(cloud, resource.name))
    stopped = read_live(cloud, resource).get("stopped") or resource.inputs.get("enabled") is False
    return shaped(
        resource, defaultHostName=host, hostNames=[host], enabledHostNames=[host, scm],
        hostNameSslStates=[{"name": host, "hostType": "Standard", "sslState": "Disabled"},
                           {"name": scm, "hostType": "Repository", "sslState": "Disabled"}],
        state="Stopped" if stopped else "Running", availabilityState="Normal", usageState="Normal",
        outboundIpAddresses="127.0.0.1", possibleOutboundIpAddresses="127.0.0.1",
        repositorySiteName=resource.name, resourceGroup=resource.inputs.get("resourceGroupName", ""),
        customDomainVerificationId=guid(resource.id, "verification"), identity=site_identity(cloud, resource))


def site_identity(cloud: Cloud, resource: Resource) -> dict[str, Any] | None:
    """The identities with their principal and client ids."""
    asked = resource.inputs.get("identity")
    if not asked:
        return None
    assigned = {id: cloud.get(id) for id in asked.get("userAssignedIdentities") or []}
    answer = {"type": asked["type"], "userAssignedIdentities": {
        id: {key: identity.outputs[key] for key in ("principalId", "clientId")}
        for id, identity in assigned.items() if identity}}
    if "SystemAssigned" in asked["type"]:
        answer |= {"principalId": guid(resource.id, "principal"), "tenantId": TENANT}
    return answer


def ordered(verb: str) -> Handler:
    """POST start|stop|restart, which App Service answers at once with 200."""
    async def handler(cloud: Cloud, resource: Resource, body: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        await cloud.service(resource).power(cloud, resource, verb)
        return {}
    return handler


SERVICE = WebApp()
OPERATIONS = {("Microsoft.Web/sites", f"POST {verb}"): ordered(verb) for verb in ("restart", "start", "stop")}
