"""The stack's configuration: one typed object under `tracking:platform`, refused early when it cannot work."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from components.checks import check_platform
from components.regions import REGIONS, AzureRegion
from components.service import Kind, Model, Principal, RegionName, Service

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
QueueSku = Literal["Standard_GZRS", "Standard_GRS"]
BlobSku = Literal["Standard_RAGZRS", "Standard_RAGRS"]


class Region(Model):
    """One region of the pair."""

    location: RegionName = Field(description="An Azure region that components/regions.py knows, such as eastus.")
    queue_sku: QueueSku | None = Field(None, description="Redundancy of the queue account; the region's best unless "
                                       "given. Read by `up` only when the account is made: see docs of failover.")
    blob_sku: BlobSku = Field("Standard_RAGRS", description="Redundancy of the blob account, readable in both regions.")
    instances: int = Field(2, ge=1, le=30, description="Instances of the App Service plan while the region serves, "
                           "each running web and api. Read by `up` only when the plan is made, then by failover.")
    standby_instances: int = Field(1, ge=1, le=30, description="Instances while the region stands by, two where the "
                                   "plan is spread over zones; failover raises them ahead of traffic.")
    zone_redundant: bool | None = Field(None, description="Spread the plan over zones; yes where it can, unless given.")

    @property
    def facts(self) -> AzureRegion:
        return REGIONS[self.location]

    @property
    def spread(self) -> bool:
        """https://learn.microsoft.com/azure/reliability/reliability-app-service: zones and two instances."""
        return self.zone_redundant if self.zone_redundant is not None else self.facts.zones and self.instances > 1

    @property
    def warm_instances(self) -> int:
        """Instances while the region stands by; a plan over zones has at least two."""
        return min(self.instances, max(self.standby_instances, 2 if self.spread else 1))


class Edge(Model):
    """Azure Front Door."""

    sku: Literal["Standard_AzureFrontDoor", "Premium_AzureFrontDoor"] = Field(
        "Standard_AzureFrontDoor", description="Premium adds private link origins and managed WAF rules.")
    origin_timeout_seconds: int = Field(30, ge=16, le=240, description="How long an origin may take to answer.")


class Database(Model):
    """Azure Database for PostgreSQL, flexible server: a primary and its replica in the other region."""

    version: Literal["15", "16", "17"] = Field("16", description="Major version of PostgreSQL.")
    tier: Literal["GeneralPurpose", "MemoryOptimized", "Burstable"] = Field(
        "GeneralPurpose", description="Compute tier; Burstable cannot have replicas.")
    sku: str = Field("Standard_D2ds_v5", pattern=r"^Standard_\w+$", description="Compute size of both servers.")
    storage_gb: int = Field(128, description="Disk of each server in GiB; one of Azure's steps, and it never shrinks.")
    backup_days: int = Field(14, ge=7, le=35, description="How many days backups are kept.")
    high_availability: Literal["Disabled", "SameZone", "ZoneRedundant"] = Field(
        "Disabled", description="A hot standby next to the primary; dropped by Azure on promotion.")
    name: str = Field("tracking", pattern=r"^[a-z][a-z0-9_]{0,30}$", description="Name of the database.")


class Cache(Model):
    """Azure Managed Redis."""

    sku: str = Field("Balanced_B0", pattern=r"^[A-Z][A-Za-z]+_[A-Z]\d+$", description="Size, such as Balanced_B0.")
    high_availability: bool = Field(True, description="Two nodes; without it there is no SLA. Cannot be undone.")


class Compute(Model):
    """App Service plan and function app, the same in both regions."""

    plan_sku: str = Field("P0v3", pattern=r"^P([1-3]v2|[0-3]v[34]|[1-5]mv[34])$",
                          description="Size of the App Service plan: Premium, such as P0v3 or P1mv3.")
    python: Literal["3.11", "3.12", "3.13"] = Field("3.12", description="Python of the apps.")
    function_memory_mb: Literal[512, 2048, 4096] = Field(2048, description="Memory of one function instance in MB.")
    function_instances: int = Field(40, ge=1, le=1000, description="At most so many function instances a region.")
    always_ready: int = Field(1, ge=0, le=20, description="Function instances for queues that never go to sleep.")


class Drill(Model):
    """Rehearsals of the loss of a region."""

    max_age_days: int = Field(90, ge=1, le=730, description="Days after which `status` warns that none was held.")


class Platform(Model):
    """Everything that a stack decides."""

    name: str = Field(pattern=r"^[a-z][a-z0-9]{1,8}$", description="Start of every name: 2 to 9 of a-z and 0-9.")
    owner: str = Field(min_length=2, max_length=80, description="The team that runs the platform; becomes a tag.")
    regions: tuple[Region, Region] = Field(description="The pair. The first holds what is not regional; the order "
                                           "never changes, `primary` does.")
    primary: RegionName = Field(description="The region that is served first and holds the writing database: of a new "
                                "stack the first one, after a failover the other.")
    services: tuple[Service, ...] = Field(min_length=1, max_length=20, description="The services of the platform.")
    edge: Edge = Field(Edge(), description="Front Door.")
    database: Database = Field(Database(), description="PostgreSQL.")
    cache: Cache = Field(Cache(), description="Redis.")
    compute: Compute = Field(Compute(), description="App Service and Functions.")
    durability: Literal["available", "strict"] = Field(
        "available", description="What a write gets while the other region cannot be reached: available accepts it "
        "in one region and says so, strict refuses it.")
    drill: Drill = Field(Drill(), description="Rehearsals of the loss of a region.")
    alerts: dict[str, Email] = Field({}, description="Owner of a service, or the platform's -> the address that "
                                     "alerts about it go to; without one they are only shown in the portal.")
    deployers: tuple[Principal, ...] = Field((), description="Who may deploy; whoever runs `up` unless given.")
    deployer_addresses: tuple[str, ...] = Field((), description="Addresses (CIDR) that reach the deployment endpoints; "
                                                "every one unless given, always with an Entra token.")
    log_days: int = Field(30, ge=30, le=730, description="How many days logs are kept.")
    protect: bool = Field(True, description="Refuse to delete databases, storage accounts and vaults with `destroy`.")
    tags: dict[str, str] = Field({}, description="Further tags of every resource.")

    @model_validator(mode="after")
    def _works(self) -> Self:
        check_platform(self)
        return self

    @property
    def primary_region(self) -> Region:
        return next(region for region in self.regions if region.location == self.primary)

    @property
    def standby_region(self) -> Region:
        return next(region for region in self.regions if region.location != self.primary)

    @property
    def writer(self) -> Service:
        """The service that applies commands; its control state says which region's database is written."""
        return self.of_kind(Kind.FUNCTION_APP)[0]

    def primary_of(self, service: Service) -> str:
        return service.primary or self.primary

    def first_instances(self, region: Region) -> int:
        """Instances that a region's plan is made with: fewer where no service comes first."""
        preferred = {self.primary, *map(self.primary_of, self.services)}
        return region.instances if region.location in preferred else region.warm_instances

    def of_kind(self, kind: Kind) -> tuple[Service, ...]:
        return tuple(service for service in self.services if service.kind == kind)
