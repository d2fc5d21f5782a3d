"""An engine that records what the program registers, in place of Pulumi's."""

import asyncio
import contextlib
import json
import runpy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import config, mocks, rpc, settings, stack

from components.config import Platform as PlatformConfig
from components.context import Context
from components.naming import Naming
from components.service import Principal

ROOT = Path(__file__).resolve().parents[2]
SUBSCRIPTION, TENANT, DEPLOYER = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in "123")


@dataclass(frozen=True)
class Registered:
    """One resource as the program asked for it: `inputs` in Azure's camelCase, names of what it waits for."""

    type: str
    name: str
    inputs: dict[str, Any]
    custom: bool
    parent: str
    after: frozenset[str]
    protect: bool
    retained: bool
    ignored: tuple[str, ...]
    imported: str


class Engine(mocks.Mocks):
    """Gives every resource the outputs that the program reads, shaped as Azure's."""

    def __init__(self) -> None:
        self.endpoint_at = ""
        self.resources: list[Registered] = []
        self.calls: list[str] = []
        self.exports: dict[str, Any] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = dict(args.inputs)
        return f"/id/{args.name}", {**inputs, **_named(args, inputs), **_outputs(args.typ, args.name, inputs)}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """`endpoint_at`: the region below whose server the virtual endpoint is found, "" before there is one."""
        self.calls.append(args.token)
        if args.token.endswith("getVirtualEndpoint"):
            server = args.args["serverName"]
            here = self.endpoint_at and self.endpoint_at in server
            return ({"id": f"/id/of/{server}/endpoint"}, []) if here else ({}, [("", "ResourceNotFound")])
        return {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "objectId": DEPLOYER, "clientId": "cli"}, []

    def of(self, kind: str) -> dict[str, Registered]:
        """Name -> resource, of every resource whose type ends in `kind`, such as storage:Queue."""
        return {item.name: item for item in self.resources if item.type.endswith(kind)}

    def one(self, kind: str, name: str) -> Registered:
        found = self.of(kind)
        assert name in found, f"no {kind} named {name}; there are {sorted(found)}"
        return found[name]

    def inputs(self, kind: str, name: str) -> dict[str, Any]:
        return self.one(kind, name).inputs


class Monitor(mocks.MockMonitor):
    """Keeps the resource options too, which mocks do not see."""

    def RegisterResource(self, request: Any) -> Any:
        answer = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self.mocks.resources.append(Registered(
                request.type, request.name, rpc.deserialize_properties(request.object), request.custom,
                _last(request.parent), frozenset(map(_last, request.dependencies)), request.protect,
                request.retainOnDelete, tuple(request.ignoreChanges), request.importId))
        return answer


def _last(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _named(args: mocks.MockResourceArgs, inputs: dict[str, Any]) -> dict[str, Any]:
    own = {"StorageAccount": "accountName", "Server": "serverName", "RedisEnterprise": "clusterName",
           "ResourceGroup": "resourceGroupName", "UserAssignedIdentity": "resourceName", "Vault": "vaultName",
           "Profile": "profileName", "AFDEndpoint": "endpointName", "AFDOriginGroup": "originGroupName",
           "Queue": "queueName", "VirtualEndpoint": "virtualEndpointName", "Workspace": "workspaceName"}
    kind = args.typ.rsplit(":", 1)[-1]
    name = inputs.get("databaseName" if kind == "Database" else own.get(kind, "name"), args.name)
    return {"name": name} if args.custom else {}


def _outputs(kind: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    match kind.rsplit(":", 1)[-1]:
        case "StorageAccount":
            account = inputs["accountName"]
            ends = {part: f"https://{account}.{part}.core.windows.net/" for part in ("blob", "queue")}
            return {"primaryEndpoints": ends, "secondaryEndpoints": {
                "blob": f"https://{account}-secondary.blob.core.windows.net/"}}
        case "UserAssignedIdentity":
            return {"principalId": f"principal-{name}", "clientId": f"client-{name}"}
        case "RedisEnterprise":
            return {"hostName": f"{inputs['clusterName']}.redis.azure.net"}
        case "Server":
            return {"fullyQualifiedDomainName": f"{inputs['serverName']}.postgres.database.azure.com"}
        case "Profile":
            return {"frontDoorId": "front-door-id", "identity": _identity(inputs)}
        case "AFDEndpoint":
            return {"hostName": f"{inputs['endpointName']}-x.z01.azurefd.net"}
        case "Component":
            return {"connectionString": f"InstrumentationKey={name}"}
        case "WebApp" if kind.startswith("azure-native"):
            hosts = {kind: f"{inputs['name']}.{part}azurewebsites.net"
                     for kind, part in (("Standard", ""), ("Repository", "scm."))}
            return {"defaultHostName": hosts["Standard"], "identity": _identity(inputs), "hostNameSslStates": [
                {"name": host, "hostType": kind} for kind, host in hosts.items()]}
    return {}


def _identity(inputs: dict[str, Any]) -> dict[str, Any]:
    """The SDK takes a list of identities and gives a map."""
    assigned = inputs["identity"]["userAssignedIdentities"]
    return {"type": "UserAssigned", "userAssignedIdentities": {one: {"principalId": one} for one in assigned}}


Platform = dict[str, Any]
Run = Callable[..., Engine]


def primary_platform() -> Platform:
    return yaml.safe_load((ROOT / "Pulumi.primary.yaml").read_text())["config"]["tracking:platform"]


def registered(make: Callable[[], object], platform: Platform | None = None, endpoint_at: str = "") -> Engine:
    """What `make` registers under mocks.  Not as a preview: there, missing outputs would end every `apply` unseen."""
    engine = Engine()
    engine.endpoint_at = endpoint_at
    with _event_loop() as loop:
        mocks.set_mocks(engine, project="tracking", stack="primary", preview=False, monitor=Monitor(engine))
        settings.get_root_resource().outputs.clear()  # the process has one stack, whatever runs in it
        config.set_all_config({"tracking:platform": json.dumps(platform)} if platform else {}, [])
        loop.run_until_complete(stack.run_pulumi_func(lambda: _keep_exports(make(), engine)))
    return engine


@contextlib.contextmanager
def _event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop, and one for each of its threads: the SDK wants them there and never closes those that it makes itself."""
    loops = [asyncio.new_event_loop()]
    def own() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])
    asyncio.set_event_loop(loops[0])
    loops[0].set_default_executor(ThreadPoolExecutor(initializer=own))
    try:
        yield loops[0]
    finally:
        loops[0].run_until_complete(loops[0].shutdown_default_executor())
        asyncio.set_event_loop(None)
        for loop in loops:
            loop.close()


def _keep_exports(_made: object, engine: Engine) -> None:
    for name, value in settings.get_root_resource().outputs.items():
        pulumi.Output.from_input(value).apply(lambda came, name=name: engine.exports.update({name: came}))


def run_program(platform: Platform, endpoint_at: str = "") -> Engine:
    return registered(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"), platform, endpoint_at)


@pytest.fixture
def primary() -> Platform:
    """The configuration of the stack `primary`, to vary."""
    return primary_platform()


@pytest.fixture(scope="session")
def recorded() -> Engine:
    """What the stack `primary` registers."""
    return run_program(primary_platform())


@pytest.fixture(scope="session")
def varied() -> Engine:
    """A stack that decides everything that `primary` leaves to the defaults."""
    platform = primary_platform()
    web, api, worker, _ = platform["services"]
    web["probe"] = {"path": "/healthz?deep", "method": "GET", "intervalSeconds": 30, "sampleSize": 4,
                    "successfulSamples": 3}
    api |= {"strategy": "active-active-reads", "settings": {"COLOUR": "blue"}}
    worker["vaultSettings"] = {"NOTIFICATION_WEBHOOK": "notification-webhook"}
    platform["services"] += [
        {"name": "labels", "path": "/labels", "owner": "labels", "command": "python -m portal.serve api"},
        {"name": "maps", "kind": "external", "path": "/maps", "owner": "maps",
         "hosts": {"eastus": "maps-east.example.com", "westus": "maps-west.example.com"}}]
    return run_program(platform | {
        "edge": {"sku": "Premium_AzureFrontDoor", "originTimeoutSeconds": 60}, "compute": {"alwaysReady": 0},
        "deployers": [{"objectId": "00000000-0000-4000-8000-000000000009", "type": "Group"}],
        "deployerAddresses": ["203.0.113.0/24"], "protect": False, "tags": {"cost": "42"},
        "alerts": {"platform": "platform@example.com", "shipments": "shipments@example.com"}})


@pytest.fixture(scope="session")
def western() -> Engine:
    """The primary stack, but East and West have changed roles: the writer and the service `api` are in West."""
    platform = primary_platform()
    platform["primary"] = "westus"
    platform["services"][0]["primary"] = "eastus"
    return run_program(platform)


@pytest.fixture
def run() -> Run:
    """run(function) gives what it registers."""
    return registered


@pytest.fixture
def program() -> Run:
    """program(configuration) runs __main__.py and gives what it registers."""
    return run_program


@pytest.fixture
def context(primary: Platform) -> Context:
    """A context without an engine."""
    naming = Naming.of("tracking", SUBSCRIPTION, "tracking", "primary", {"owner": "platform"})
    platform = PlatformConfig.model_validate(primary)
    return Context(platform, naming, SUBSCRIPTION, TENANT, (Principal(objectId=DEPLOYER, type="User"),))
