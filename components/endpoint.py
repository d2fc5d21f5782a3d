"""The database's names that follow its writer: found where a promotion left them."""

from collections.abc import Mapping

import pulumi
from pulumi_azure_native import dbforpostgresql as postgres

from components.context import Context


def make_endpoint(context: Context, servers: Mapping[str, postgres.Server], parent: pulumi.Resource,
                  *after: pulumi.Resource) -> postgres.VirtualEndpoint:
    """Names for the writer and the reader; a switchover needs them, and operators connect to them.

    They are a resource below the server that writes, and a promotion moves them to the other one, so that the id in the
    state leads nowhere and they must not be made again: https://github.com/hashicorp/terraform-provider-azurerm/pull/29424
    and https://learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas-virtual-endpoints.  So the
    program looks where they are, and takes them over (`import_`) wherever that is; the reader is whoever it was.
    """
    primary, standby = context.platform.primary, context.platform.standby_region.location
    name = context.naming.of_kind("psql", "endpoint")
    found = {region: _look_up(context, region, name) for region in (primary, standby)}
    home = next((region for region, id in found.items() if id), primary)
    reader = servers[standby if home == primary else primary]
    return postgres.VirtualEndpoint(
        "endpoint", virtual_endpoint_name=name, endpoint_type="ReadWrite", members=[reader.name],
        server_name=servers[home].name, resource_group_name=context.naming.group(home),
        opts=context.options(parent, *after, retain_on_delete=True, ignore_changes=["members"], import_=found[home]))


def _look_up(context: Context, region: str, name: str) -> str | None:
    """Its id below that region's server, None when it is not there; Azure answers 404 or, below a replica, 400
    (https://github.com/hashicorp/terraform-provider-azurerm/pull/30789).  Who may not look sees none either, and makes
    it: Azure and the provider refuse to make what exists."""
    try:
        return postgres.get_virtual_endpoint(
            resource_group_name=context.naming.group(region), server_name=context.naming.of_kind("psql", region),
            virtual_endpoint_name=name).id
    except Exception as error:  # the SDK raises no narrower one
        pulumi.log.debug(f"virtual endpoint not below {region}'s server: {error}")
        return None
