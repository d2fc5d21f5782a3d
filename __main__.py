"""The two-region portal on Azure: configuration -> stamps -> database -> edge -> exports."""

import pulumi
from pulumi_azure_native.resources import ResourceGroup

from components.alerts import Alerts, AlertsArgs
from components.context import make_context
from components.database import Database, DatabaseArgs
from components.edge import Edge, EdgeArgs
from components.load import load_platform
from components.notices import tell_choices
from components.operators import Operations, let_operate
from components.outputs import Exported, export_all
from components.region import Region, RegionArgs
from components.roles import Roles
from components.rollout import roll_out
from components.settings import Neighbours
from components.static import StaticArgs, StaticSite
from components.traffic import route_all

platform = load_platform(pulumi.Config())
tell_choices(platform)
context = make_context(platform)
home = platform.regions[0].location
shared = ResourceGroup("group-global", resource_group_name=context.naming.group("global"), location=home,
                       tags=context.tags, opts=context.keeps_data(None))
edge = Edge("edge", EdgeArgs(context, shared.name, home))
static = StaticSite("static", StaticArgs(context, shared.name, home, edge))
rights = Roles("role", context)
regions = {wanted.location: Region(wanted.location, RegionArgs(context, wanted, rights)) for wanted in platform.regions}
database = Database("database", DatabaseArgs(
    context, {name: region.group.name for name, region in regions.items()},
    {name: region.migrator for name, region in regions.items()}))
roles = {name: principal for region in regions.values() for name, principal in region.sql_roles.items()}
for region in regions.values():
    peer = next(other for other in regions.values() if other is not region)
    region.run(Neighbours(peer, database, edge, roles))
roll_out(platform, regions)
routes = route_all(platform, edge, regions, static)
Alerts("alerts", AlertsArgs(context, shared.name, regions, database))
let_operate(Operations(context, rights, regions, static, routes))
export_all(Exported(context, edge, regions, database, static, routes))
