"""Who may fail a service over: rights over what it runs on in both regions, and over no other service."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi

from components.context import Context
from components.identity import assign
from components.region import Region
from components.roles import Duty, Roles, only_writing
from components.route import ServiceRoute
from components.service import Kind, Principal, Service
from components.static import StaticSite
from shipments.settings import CONTROL


@dataclass(frozen=True)
class Right:
    """`what` names the scope in names of resources; `condition` is one of role-based access control, or empty."""

    duty: Duty
    what: str
    scope: pulumi.Input[str]
    condition: str = ""


@dataclass(frozen=True)
class Operations:
    """What there is to operate."""

    context: Context
    roles: Roles
    regions: Mapping[str, Region]
    static: StaticSite
    routes: Mapping[str, ServiceRoute]


def let_operate(made: Operations) -> None:
    """Gives each service's operators its rights; who operates several has a shared one once, as Azure demands.
    https://learn.microsoft.com/azure/role-based-access-control/troubleshooting"""
    given: dict[str, tuple[Principal, Right]] = {}
    for service in made.context.platform.services:
        for operator in made.context.operators(service):
            for right in _rights(made, service):
                given[f"operator-{operator.object_id[-12:]}-{right.duty}-{right.what}"] = (operator, right)
    for name, (operator, right) in given.items():
        assign(name, operator.object_id, operator.type, made.roles.ids[right.duty], right.scope,
               pulumi.ResourceOptions(parent=made.roles), right.condition)


def _rights(made: Operations, service: Service) -> Iterator[Right]:
    """Its control state, and whatever moves with it: apps and their plans, origins whose probe asks no app, for the
    worker the stores of both regions.  A database that is rebuilt is not there meanwhile, hence the region's group."""
    for name, region in made.regions.items():
        yield Right(Duty.STATES, f"{service.name}-{name}", region.blobs.containers[CONTROL].id,
                    only_writing(f"{service.name}.json"))
        if service.name in region.sites:
            yield Right(Duty.APPS, f"{service.name}-{name}", region.sites[service.name].site.id)
        if service.kind == Kind.WEB_APP:
            yield Right(Duty.APPS, f"plan-{name}", region.plan.id)
        if service.kind == Kind.FUNCTION_APP:
            yield Right(Duty.STORES, name, region.group.id)
    if service.kind == Kind.STATIC:
        yield Right(Duty.STORES, service.name, made.static.storage.id)
    if service.kind in (Kind.STATIC, Kind.EXTERNAL):
        yield Right(Duty.ORIGINS, service.name, made.routes[service.name].origins.group.id)
    if service.kind != Kind.WEB_APP:
        yield Right(Duty.WAITING, "operations", made.context.scope)
