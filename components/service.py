"""The services of the platform: what one entry of the typed list says."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Guid = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
RegionName = Annotated[str, Field(pattern=r"^[a-z0-9]+$", description="An Azure region's name, such as eastus.")]


class Model(BaseModel):
    """Configuration is written in camelCase, refuses unknown keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=False)


class Kind(StrEnum):
    """What runs a service."""

    WEB_APP = "web-app"
    FUNCTION_APP = "function-app"
    STATIC = "static"
    EXTERNAL = "external"


class Strategy(StrEnum):
    """How the two regions share a service's traffic."""

    ACTIVE_PASSIVE = "active-passive"
    ACTIVE_ACTIVE_READS = "active-active-reads"


class Principal(Model):
    """Somebody in Entra who is given rights."""

    object_id: Guid = Field(description="Object id of the user, group or service principal in Entra.")
    type: Literal["User", "Group", "ServicePrincipal"] = Field(description="What the object id names.")


class Targets(Model):
    """What the owner promises the service's users."""

    availability: float = Field(99.9, ge=90, lt=100, description="Percent of requests answered, each month.")
    rto_seconds: int = Field(60, ge=5, le=86400, description="Longest time until the other region serves, in seconds.")
    rpo_seconds: int = Field(0, ge=0, le=86400, description="Newest work that may be lost with a region, in seconds.")


class Probe(Model):
    """How Front Door asks an origin whether it is well.
    https://learn.microsoft.com/azure/frontdoor/health-probes"""

    path: str | None = Field(None, pattern=r"^/\S*$", description="What is asked for; /healthz unless given, "
                             "and a real blob for static content.")
    method: Literal["HEAD", "GET"] = Field("HEAD", description="HEAD costs origins less; both count alike.")
    interval_seconds: int = Field(5, ge=5, le=255, description="Seconds between two probes of one edge location.")
    sample_size: int = Field(2, ge=1, le=255, description="How many of the last probes decide.")
    successful_samples: int = Field(2, ge=1, le=255, description="How many of them must have been answered 200.")


class Service(Model):
    """One entry of the list `services`."""

    name: str = Field(pattern=r"^[a-z](?:[a-z0-9-]{0,10}[a-z0-9])?$",
                      description="Its name, in resource names and health answers: 1 to 12 of a-z, 0-9 and dash.")
    kind: Kind = Field(Kind.WEB_APP, description="What runs it: web-app, function-app, static or external.")
    path: str = Field(pattern=r"^/(?:[a-z0-9-]+(?:/[a-z0-9-]+)*)?$",
                      description="The path under which the edge serves it, such as /api; / is everything else.")
    owner: str = Field(min_length=2, max_length=80, description="The team that answers for it; becomes a tag.")
    primary: RegionName | None = Field(None, description="The region that serves it first; else the platform's.")
    mode: Literal["automatic", "manual"] = Field(
        "automatic", description="automatic: the edge moves it when its probe fails; manual: an operator orders it.")
    strategy: Strategy = Field(Strategy.ACTIVE_PASSIVE, description="active-passive, or active-active-reads: "
                               "reads from the nearest region, writes by priority.")
    targets: Targets = Field(Targets(), description="Availability, RTO and RPO that its owner promises.")
    probe: Probe = Field(Probe(), description="How the edge asks whether it is well.")
    command: str | None = Field(None, min_length=1, max_length=500, description="What starts a web app; "
                                "`python -m portal.serve <name>` unless given.")
    operators: tuple[Principal, ...] = Field((), max_length=10, description="Who may fail it over, and no other "
                                             "service; the deployers unless given.")
    hosts: dict[RegionName, str] = Field({}, description="Only kind external: region -> the host that serves it there.")
    settings: dict[str, str] = Field({}, description="Further app settings, for example of another team's service.")
    vault_settings: dict[str, str] = Field({}, description="App setting -> name of the Key Vault secret that holds its "
                                           "value; operators put the value into each region's vault.")

    @property
    def start_command(self) -> str:
        return self.command or f"python -m portal.serve {self.name}"
