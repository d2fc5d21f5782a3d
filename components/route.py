"""One service behind Front Door: under which paths, and which region answers first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import cdn

from components.edge import Edge
from components.origins import Origins, OriginsArgs
from components.service import Kind, Service, Strategy

COMPRESSED = ["text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml"]


@dataclass(frozen=True)
class RouteArgs:
    """`hosts`: region -> `host[:port]` of the origin there; `primary` the region asked first.
    `container` is where a static service's files are, `after` the rights to read them."""

    edge: Edge
    service: Service
    hosts: Mapping[str, pulumi.Input[str]]
    primary: str
    probe_path: str = "/healthz"
    container: str = ""
    after: Sequence[pulumi.Resource] = ()


class ServiceRoute(pulumi.ComponentResource):
    """An origin group, a route, and for `active-active-reads` a second group that reads go to.

    Each service has its own group, so that it fails over alone: priority 1 is its primary region, 2 the other.
    Reads of an active-active service go to the nearest region, by a rule on the request's method; writes keep
    the order: https://learn.microsoft.com/azure/frontdoor/front-door-rules-engine-actions#route-configuration-override
    """

    def __init__(self, name: str, args: RouteArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:ServiceRoute", name, None, opts)
        self.args, self.edge = args, args.edge
        self.at = {"profile_name": args.edge.profile.name, "resource_group_name": args.edge.group}
        service = args.service
        ordered = {region: 1 if region == args.primary else 2 for region in args.hosts}
        self.origins = self._origins(name, service.name, ordered)
        self.rules = self._reads(name) if service.strategy == Strategy.ACTIVE_ACTIVE_READS else None
        self.route = self._route(name)
        self.register_outputs({"route": self.route.name})

    def _origins(self, name: str, group: str, priorities: Mapping[str, int]) -> Origins:
        args = OriginsArgs(self.edge, self.args.service, group, self.args.hosts, priorities, self.args.probe_path,
                           self.args.after)
        return Origins(name, args, pulumi.ResourceOptions(parent=self))

    def _reads(self, name: str) -> cdn.Rule:
        """Equal priorities: Front Door then takes the fastest.  Conditions and actions need their Args classes, for
        the SDK does not translate dictionaries in a union; names of rule sets hold letters and digits only."""
        nearest = self._origins(f"{name}-reads", f"{self.args.service.name}-reads", dict.fromkeys(self.args.hosts, 1))
        rules = cdn.RuleSet(f"{name}-rules", rule_set_name=f"{self.args.service.name.replace('-', '')}reads", **self.at,
                            opts=pulumi.ResourceOptions(parent=self))
        override = cdn.RouteConfigurationOverrideActionParametersArgs(
            type_name="DeliveryRuleRouteConfigurationOverrideActionParameters",
            origin_group_override=cdn.OriginGroupOverrideArgs(
                origin_group=nearest.reference, forwarding_protocol="HttpsOnly"))
        reads = cdn.RequestMethodMatchConditionParametersArgs(
            type_name="DeliveryRuleRequestMethodConditionParameters", operator="Equal", match_values=["GET", "HEAD"])
        return cdn.Rule(
            f"{name}-nearest", rule_name="nearest", rule_set_name=rules.name, order=1, **self.at,
            conditions=[cdn.DeliveryRuleRequestMethodConditionArgs(name="RequestMethod", parameters=reads)],
            actions=[cdn.DeliveryRuleRouteConfigurationOverrideActionArgs(
                name="RouteConfigurationOverride", parameters=override)],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rules, *nearest.origins]))

    def _route(self, name: str) -> cdn.Route:
        """Waits for the origins: Azure refuses a route to a group without one."""
        rules = [cdn.ResourceReferenceArgs(id=self.rules.id.apply(_rule_set_id))] if self.rules else None
        return cdn.Route(
            f"{name}-route", route_name=self.args.service.name, endpoint_name=self.edge.endpoint.name, **self.at,
            origin_group=self.origins.reference, patterns_to_match=_patterns(self.args.service.path), rule_sets=rules,
            origin_path=self._origin_path(), supported_protocols=["Http", "Https"], https_redirect="Enabled",
            forwarding_protocol="HttpsOnly", link_to_default_domain="Enabled", enabled_state="Enabled",
            cache_configuration=self._cache(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=self.origins.origins))

    def _origin_path(self) -> str | None:
        """A function app is served below its path and knows nothing of it; static content lies in a container.
        https://learn.microsoft.com/azure/frontdoor/front-door-url-rewrite"""
        return {Kind.STATIC: f"/{self.args.container}/", Kind.FUNCTION_APP: "/"}.get(self.args.service.kind)

    def _cache(self) -> cdn.AfdRouteCacheConfigurationArgs | None:
        """Only static content is cached at the edge; pages and answers differ by user and moment.  Pages ask for
        `portal.css?v=<build>`, so the query belongs to what is cached."""
        if self.args.service.kind != Kind.STATIC:
            return None
        return cdn.AfdRouteCacheConfigurationArgs(
            query_string_caching_behavior="UseQueryString",
            compression_settings=cdn.CompressionSettingsArgs(
                is_compression_enabled=True, content_types_to_compress=COMPRESSED))


def _rule_set_id(rule_id: str) -> str:
    """The route names the rule set, but must wait for its rule."""
    return rule_id.rsplit("/rules/", 1)[0]


def _patterns(path: str) -> list[str]:
    """`/api` -> itself and everything below.  https://learn.microsoft.com/azure/frontdoor/front-door-route-matching"""
    return ["/*"] if path == "/" else [path, f"{path}/*"]
