"""The platform as its stack tells it (`pulumi stack output --json`): names, ids and targets.

Shapes: the docstring of components/outputs.py.  What this version does not know in them is ignored.
"""

from typing import Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from failover.errors import OperatorError


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Targets(Model):
    """What the service's owner promises."""

    availability: float = 99.9
    rto_seconds: int = 60
    rpo_seconds: int = 0


class Probe(Model):
    """How the edge asks an origin whether it is well."""

    interval_seconds: int = 5
    sample_size: int = 2
    successful_samples: int = 2

    @property
    def window(self) -> float:
        """Seconds until the edge has noticed: enough of its last probes are bad, and one of them may take 2 s."""
        return self.interval_seconds * (self.sample_size - self.successful_samples + 1) + 2.0


class Service(Model):
    """One entry of the services' list; `primary` is the region that the edge prefers for it."""

    name: str
    kind: Literal["web-app", "function-app", "static", "external"]
    path: str
    owner: str = ""
    primary: str
    mode: Literal["automatic", "manual"] = "automatic"
    strategy: Literal["active-passive", "active-active-reads"] = "active-passive"
    targets: Targets = Targets()
    probe: Probe = Probe()


    @property
    def tells_region(self) -> bool:
        """Whether an ordinary read through the edge shows where the service leads: an app tells its region in a header,
        files do not, and reads from both regions say nothing about writes."""
        return self.kind == "web-app" and self.strategy == "active-passive"


class Site(Model):
    id: str
    host: str = ""


class Region(Model):
    """Accounts, servers and sites of one region."""

    resource_group: str
    queue_account: str
    queue_account_id: str
    blob_account: str
    blob_account_id: str
    blob_uri: str
    queue_uri: str = ""
    postgres_server: str
    postgres_server_id: str
    plan_id: str = ""
    sites: dict[str, Site] = {}
    instances: int = 2


class Static(Model):
    """The account of static content: written in `location`, read there and in `secondary_location`."""

    account: str
    account_id: str = ""
    resource_group: str
    location: str
    secondary_location: str


class FrontDoor(Model):
    profile: str
    resource_group: str
    origin_groups: dict[str, str] = {}


class Drill(Model):
    max_age_days: int = 30


class Names(Model):
    name: str
    stack: str


class Platform(Model):
    """Everything of a stack that operators need."""

    portal_url: str
    subscription: str
    platform: Names
    primary: str = Field(alias="primaryRegion")
    """The region of the writing database by configuration; an `up` after a failover changes it."""
    listed: tuple[Service, ...] = Field(alias="services")
    writer: str = Field(alias="writerService")
    static: Static
    front_door: FrontDoor
    drill: Drill = Drill()
    regions: dict[str, Region]

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if len(self.regions) != 2:
            raise ValueError(f"regions are {sorted(self.regions)}; a platform has two")
        return self

    @property
    def services(self) -> dict[str, Service]:
        return {service.name: service for service in self.listed}

    @property
    def original(self) -> str:
        """Where failback leads: the pair's first region, which also holds the static account."""
        return self.static.location

    def peer(self, region: str) -> str:
        return next(name for name in self.regions if name != region)

    @property
    def movable(self) -> tuple[str, ...]:
        """What moves when no service is named.  Static content is read-only and the same at both of its origins, so
        the edge alone moves it; it moves by order only when it is named."""
        return tuple(service.name for service in self.listed if service.kind != "static")


def parse(outputs: bytes) -> Platform:
    """Raises OperatorError that names what is missing."""
    try:
        return Platform.model_validate(orjson.loads(outputs))
    except (ValidationError, orjson.JSONDecodeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(map(str, first["loc"])) or "anything"
        raise OperatorError(f"the stack's outputs do not tell {where} ({first['msg']}). "
                            "Run `pulumi up` with this version of the program, then again.") from None
