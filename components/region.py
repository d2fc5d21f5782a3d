"""The stamp: everything that one region has, the same in every region."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native.managedidentity import UserAssignedIdentity
from pulumi_azure_native.resources import ResourceGroup

from components.access import grant_rights
from components.cache import Cache, CacheArgs
from components.config import Region as RegionConfig
from components.context import Context
from components.functionapp import PACKAGES, FunctionApp, FunctionAppArgs, make_flex_plan
from components.identity import identity_name, make_identity
from components.keyvault import Vault, VaultArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.roles import Roles
from components.service import Kind, Service
from components.settings import Neighbours, app_settings
from components.storage import Storage, StorageArgs
from components.webapp import SiteArgs, WebApp, make_plan
from shipments.settings import CONTAINERS, POISON, QUEUES

HOSTED = (Kind.WEB_APP, Kind.FUNCTION_APP)
ALL_QUEUES = tuple(name for queue in QUEUES for name in (queue, queue + POISON))


@dataclass(frozen=True)
class RegionArgs:
    """Which region of the stack's configuration this stamp is, and the roles of our own."""

    context: Context
    wanted: RegionConfig
    roles: Roles


class Region(pulumi.ComponentResource):
    """A resource group with queues, blobs, cache, vault, logs, identities; after `run` also with the apps.

    Nothing in it knows whether it is primary, except through configuration and control state.  It is made in
    two steps because the apps of each region are told of the other one's accounts and of both databases.
    """

    def __init__(self, name: str, args: RegionArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Region", name, None, opts)
        self.context, self.wanted, self.location = args.context, args.wanted, args.wanted.location
        platform, self.roles = self.context.platform, args.roles
        self.services = [service for service in platform.services if service.kind in HOSTED]
        self.group = ResourceGroup(
            f"group-{name}", resource_group_name=self.context.naming.group(self.location), location=self.location,
            tags=self.context.tags, opts=self.context.keeps_data(self))
        self.identities = {service.name: self._identity(service.name) for service in self.services}
        self.migrator = self._identity("migrator")
        self._hold_data()
        self.sites: dict[str, WebApp | FunctionApp] = {}

    def _identity(self, part: str) -> UserAssignedIdentity:
        return make_identity(self.context, f"{part}-{self.location}", self.location, self.group.name, self._inside())

    @property
    def sql_roles(self) -> dict[str, pulumi.Output[str]]:
        """Name of each app's SQL role, which is its identity's name -> the identity's object id."""
        return {self.identity_name(service): identity.principal_id for service, identity in self.identities.items()}

    def identity_name(self, part: str) -> str:
        return identity_name(self.context, f"{part}-{self.location}")

    def _inside(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _hold_data(self) -> None:
        facts, at = self.wanted.facts, {"context": self.context, "group": self.group.name, "location": self.location}
        self.queues = Storage(f"queues-{self.location}", StorageArgs(
            **at, kind="q", sku=self.wanted.queue_sku or facts.queue_sku, queues=ALL_QUEUES), self._inside())
        self.blobs = Storage(f"blobs-{self.location}", StorageArgs(
            **at, kind="b", sku=self.wanted.blob_sku, containers=CONTAINERS), self._inside())
        self.host = Storage(f"host-{self.location}", StorageArgs(
            **at, kind="h", sku=facts.host_sku, containers=(PACKAGES,)), self._inside())
        self.cache = Cache(f"cache-{self.location}", CacheArgs(**at, users=self.identities), self._inside())
        self.vault = Vault(f"vault-{self.location}", VaultArgs(**at), self._inside())
        self.monitoring = Monitoring(f"monitoring-{self.location}", MonitoringArgs(**at), self._inside())

    def run(self, neighbours: Neighbours) -> None:
        """Makes the apps.  Each waits for its rights, and for the cache to admit it."""
        self.plan = make_plan(self.context, self.wanted, self.group.name, self)
        for service in self.services:
            self.sites[service.name] = self._site(service, neighbours, self.plan.id)
        self.register_outputs({"hosts": {name: site.host for name, site in self.sites.items()}})

    def _site(self, service: Service, neighbours: Neighbours, plan: pulumi.Input[str]) -> WebApp | FunctionApp:
        rights = grant_rights(self, neighbours.peer, service)
        own = [self.identities[service.name]]
        flex = service.kind == Kind.FUNCTION_APP
        args = SiteArgs(
            context=self.context, group=self.group.name, location=self.location, service=service,
            plan=make_flex_plan(self.context, self.location, self.group.name, self).id if flex else plan,
            identities=[*own, self.migrator] if flex else own, front_door_id=neighbours.edge.id,
            settings=app_settings(self, service, neighbours), after=[*rights, self.cache.last_policy])
        name = f"{service.name}-{self.location}"
        if flex:
            return FunctionApp(name, FunctionAppArgs(args, self.host), self._inside())
        return WebApp(name, args, self._inside())
