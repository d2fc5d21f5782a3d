"""Azure Front Door: the profile and endpoint that everybody enters by."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import cdn

from components.context import Context
from components.identity import make_identity


@dataclass(frozen=True)
class EdgeArgs:
    """`location` is where the identity lives; Front Door itself is global."""

    context: Context
    group: pulumi.Input[str]
    location: str


class Edge(pulumi.ComponentResource):
    """A profile, its endpoint, and the identity with which it reads static content.

    It exists before the apps, which admit only requests with its id, and before the routes, which need the apps.
    https://learn.microsoft.com/azure/frontdoor/origin-security
    """

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Edge", name, None, opts)
        self.context, self.group = args.context, args.group
        self.identity = make_identity(args.context, "edge", args.location, args.group,
                                      pulumi.ResourceOptions(parent=self))
        self.profile = self._profile(name)
        self.endpoint = cdn.AFDEndpoint(
            f"{name}-endpoint", endpoint_name=f"{args.context.naming.platform}-{args.context.naming.suffix}",
            profile_name=self.profile.name, resource_group_name=self.group, location="Global",
            enabled_state="Enabled", auto_generated_domain_name_label_scope="TenantReuse",
            tags=args.context.tags, opts=pulumi.ResourceOptions(parent=self))
        self.id = self.profile.front_door_id
        self.url = pulumi.Output.format("https://{0}", self.endpoint.host_name)
        self.register_outputs({"url": self.url})

    def _profile(self, name: str) -> cdn.Profile:
        wanted = self.context.platform.edge
        return cdn.Profile(
            name, profile_name=self.context.naming.of_kind("afd"), resource_group_name=self.group, location="Global",
            sku=cdn.SkuArgs(name=wanted.sku), origin_response_timeout_seconds=wanted.origin_timeout_seconds,
            identity=cdn.ManagedServiceIdentityArgs(type="UserAssigned", user_assigned_identities=[self.identity.id]),
            tags=self.context.tags, opts=pulumi.ResourceOptions(parent=self))
