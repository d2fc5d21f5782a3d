"""The control plane itself: what exists, which service realises it, one change per resource at a time."""

import asyncio
import importlib
import logging
import os
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools import locate
from tools.problem import SetupProblem
from twin import services
from twin.cloud import tls
from twin.cloud.chaos import Chaos
from twin.cloud.deployments import DeploymentCenter
from twin.cloud.faults import FaultBook
from twin.cloud.identities import TokenEndpoint
from twin.cloud.later import Later
from twin.cloud.network import Links
from twin.cloud.registry import Registry
from twin.cloud.vaults import SecretStore
from twin.home import Home
from twin.runner import HELD, PortBook, Runner
from twin.services.base import AzureError, Held, Resource, Service, Tools, TwinError
from twin.services.shapes import require_region

log = logging.getLogger(__name__)
SITE = "azure-native:web:WebApp"
SETTLE_WITHIN = 30.0
"""Seconds that `settle` gives processes that are being restarted."""


def load_services() -> list[Service]:
    """The SERVICE of every module in twin/services that has one."""
    names = [module.name for module in pkgutil.iter_modules(services.__path__)]
    modules = [importlib.import_module(f"twin.services.{name}") for name in names]
    return [module.SERVICE for module in modules if hasattr(module, "SERVICE")]


def find_tools() -> Tools:
    """What `make setup` provides; raises TwinError that names what is missing."""
    try:
        return Tools(azurite=locate.azurite(), redis=locate.redis_server(), haproxy=locate.haproxy(),
                     postgres=locate.postgres_bin(), python=Path(sys.executable), toxiproxy=locate.toxiproxy())
    except SetupProblem as error:
        raise TwinError(str(error)) from error


class LocalCloud:
    """The concrete `twin.services.base.Cloud`, and what the daemon's endpoints do with it."""

    def __init__(self, home: Home, url: str, arm: str, ports: PortBook, runner: Runner, tools: Tools,
                 services: Iterable[Service]):
        self.home, self.url, self.arm, self.ports, self.runner, self.tools = home, url, arm, ports, runner, tools
        self.registry = Registry(home.root / "resources.sqlite")
        self.later = Later()
        self.tls = tls.provide(home.tls)
        self.identities = TokenEndpoint(home.tls / "token.key", url, self._current, self.registry.all)
        self.vaults = SecretStore(home, arm, self.identities, self.find)
        self.deployments = DeploymentCenter(home, self.identities, self.site, self._publish)
        self.faults = FaultBook(home.run / "faults.json", self._kind_of_account)
        self.network = Links(home, ports, runner, tools, self.faults)
        self.chaos = Chaos(self)
        self.problems: dict[str, str] = {}
        self._services: dict[str, list[Service]] = defaultdict(list)
        self._all = list(services)
        for service in self._all:
            for type in service.realised | service.recorded:
                self._services[type].append(service)
        self._underway: dict[str, Resource] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def environment(self) -> Mapping[str, str]:
        """The base of a process's environment: nothing else is inherited."""
        bundle = str(self.tls.ca)
        return {"PATH": f"{self.tools.python.parent}:{os.environ.get('PATH', os.defpath)}",
                "HOME": os.environ.get("HOME", "/"), "LANG": os.environ.get("LANG", "C.UTF-8"),
                "SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle}

    def get(self, id: str) -> Resource | None:
        """The realised resource with that id."""
        return self.registry.get(id)

    def require(self, id: str) -> Resource:
        """The same; AzureError ResourceNotFound when there is none."""
        if resource := self.registry.get(id):
            return resource
        raise AzureError("ResourceNotFound", f"The Resource '{id}' was not found.", 404)

    def find(self, type: str, **inputs: Any) -> list[Resource]:
        """All of a type whose inputs equal the given ones."""
        return [resource for resource in self.registry.all() if resource.type == type
                and all(resource.inputs.get(key) == value for key, value in inputs.items())]

    def site(self, name: str) -> Resource | None:
        """The web or function app of that name."""
        return next((site for site in self.find(SITE) if site.name.lower() == name.lower()), None)

    def service(self, resource: Resource) -> Service:
        """Who realises it; AzureError when nobody does."""
        for service in self._services.get(resource.type, ()):
            if getattr(service, "serves", lambda _: True)(resource):
                return service
        raise AzureError("NotSupportedByTwin", f"{resource.type} ({resource.name}) is not covered by the twin; "
                         "twin/COVERAGE.md says what is.", 501)

    def lock(self, id: str) -> asyncio.Lock:
        """One change at a time per resource."""
        return self._locks[id.lower()]

    async def put(self, id: str, type: str, name: str, inputs: dict[str, Any], urn: str = "", create: bool = False
                  ) -> dict[str, Any]:
        """Creates or updates; returns the outputs.

        Another resource of the program cannot create what exists, or deleting the one would delete the other; the
        same one can, since a killed `up` may not have noted what it made.  The real provider refuses both: "cannot
        create already existing resource" (pulumi-azure-native, provider/pkg/provider/provider.go)."""
        location = str(inputs.get("location") or "global").lower().replace(" ", "")
        resource = Resource(id, type, name, inputs, {}, location, urn)
        service = self.service(resource)
        require_region(self, resource)
        async with self.lock(id):
            known = self.get(id)
            if create and known and known.urn not in ("", urn):
                raise AzureError("Conflict", f"cannot create already existing resource '{id}'; it is "
                                 f"{known.urn.rsplit('::', 1)[-1]!r} of the program. Give the new one "
                                 "aliases=[...] when it was only renamed, or another name.", 409)
            self._underway[id.lower()] = resource
            try:
                outputs = await service.put(self, resource, known)
                self.registry.save(replace(resource, outputs=outputs))
            finally:
                del self._underway[id.lower()]
        self.problems.pop(id, None)
        return outputs

    async def delete(self, id: str) -> None:
        """Ends it; without complaint when there is none."""
        async with self.lock(id):
            if resource := self.get(id):
                require_region(self, resource)
                await self.service(resource).delete(self, resource)
                self.registry.remove(id)
                if resource.type == SITE:
                    self.deployments.forget(resource.name)

    async def save_outputs(self, id: str, **changes: Any) -> None:
        """Merges changes into a resource's recorded outputs; None removes."""
        resource = self.require(id)
        outputs = {key: value for key, value in (resource.outputs | changes).items() if value is not None}
        self.registry.save(replace(resource, outputs=outputs))

    async def move(self, id: str, new: str) -> None:
        """Gives a resource another id outside the program, which cannot create it from then on, but import it."""
        resource = self.require(id)
        self.registry.remove(id)
        self.registry.save(replace(resource, id=new, urn="moved by an operation"))

    async def restore(self, wanted: Callable[[Resource], bool] = lambda _: True) -> None:
        """Starts again what was there: type after type in the order in which they first came, all of one type at
        once.  What fails is told by `settle` and does not hold up the rest; what a fault holds is left to `heal`."""
        waves: dict[str, list[Resource]] = defaultdict(list)
        for resource in filter(wanted, self.registry.all()):
            waves[resource.type].append(resource)
        for resources in waves.values():
            await asyncio.gather(*map(self._restore, resources))

    async def settle(self) -> dict[str, str]:
        """Waits for what is under way; returns name -> what is wrong, {} when all is well.

        What could not be restored is tried again: the engine, which sees no change, does not ask for it."""
        await asyncio.gather(*(self._restore(resource) for resource in map(self.get, list(self.problems)) if resource))
        await self.later.settled()
        await asyncio.gather(*(service.settled(self) for service in self._all if hasattr(service, "settled")))
        deadline = asyncio.get_running_loop().time() + SETTLE_WITHIN
        while (bad := self._not_ready()) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.2)
        return self.problems | self.later.failures | bad

    async def tell_of_faults(self) -> None:
        """Returns when the network, and every service that must know at once, does as the faults say."""
        await self.network.follow()
        await asyncio.gather(*(service.faulted(self) for service in self._all if hasattr(service, "faulted")))

    async def close(self) -> None:
        """Ends every process."""
        self.chaos.close()
        await self.runner.stop_all()
        self.registry.close()

    def _kind_of_account(self, id: str) -> tuple[str, str]:
        """By what is in an account: queues, the edge's content, other containers, or nothing (a functions host's)."""
        account = self.get(id)
        if not account:
            return "", ""
        inside = [found.type.rpartition(":")[2] for found in self.registry.all()
                  if found.id.lower().startswith(f"{id.lower()}/")]
        host = urlsplit(account.outputs.get("primaryEndpoints", {}).get("blob", "")).netloc
        if "Queue" in inside:
            return account.location, "queues"
        if host and self.find("azure-native:cdn:AFDOrigin", hostName=host):
            return account.location, "static"
        return account.location, "blobs" if "BlobContainer" in inside else "host"

    def _current(self, id: str) -> Resource | None:
        # An instance asks for tokens while its app is still being put, with the identities of the new inputs.
        return self._underway.get(id.lower()) or self.get(id)

    def _not_ready(self) -> dict[str, str]:
        return {process.spec.name: f"{process.state} after {process.restarts} restarts, exit code {process.exit_code}; "
                f"see {self.home.logs / process.spec.name}.log"
                for process in self.runner.all() if process.state not in ("ready", *HELD.values())}

    async def _restore(self, resource: Resource) -> None:
        try:
            async with self.lock(resource.id):
                await self.service(resource).restore(self, resource)
        except Held:
            self.problems.pop(resource.id, None)
        except Exception as error:  # whatever it is, the rest is restored, and settle tries this one again
            log.exception("%s could not be restored", resource.id)
            self.problems[resource.id] = str(error) or type(error).__name__
        else:
            self.problems.pop(resource.id, None)

    async def _publish(self, site: Resource, directory: Path, build: str) -> None:
        require_region(self, site)
        async with self.lock(site.id):
            await self.service(site).publish(self, self.require(site.id), directory, build)
