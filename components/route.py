"""One service behind Front Door: who answers, in which order, and under which paths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import cdn

from components.edge import Edge
from components.service import Kind, Service

STORAGE_SCOPE = "https://storage.azure.com/.default"


@dataclass(frozen=True)
class RouteArgs:
    """`hosts`: region -> `host[:port]` of the origin there; `primary` the region asked first.
    `container` is where a static service's files are."""

    edge: Edge
    service: Service
    hosts: Mapping[str, pulumi.Input[str]]
    primary: str
    probe_path: str = "/healthz"
    container: str = ""


class ServiceRoute(pulumi.ComponentResource):
    """An origin group with the service's probe, an origin in each region, and a route.

    Each service has its own group, so that it fails over alone.  Priority 1 is the service's primary region,
    2 the other.  Every request may be answered by any instance: no affinity, which the SDK leaves undecided.
    A function app is served below its path, so that path is taken off; static content is read with the
    edge's identity over HTTPS (https://learn.microsoft.com/azure/frontdoor/origin-authentication-with-managed-identities).
    """

    def __init__(self, name: str, args: RouteArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:ServiceRoute", name, None, opts)
        self.args, self.edge = args, args.edge
        self.at = {"profile_name": args.edge.profile.name, "resource_group_name": args.edge.group}
        self.group = self._group(name)
        self.origins = [self._origin(name, region) for region in args.hosts]
        self.route = self._route(name, self.group, self.origins)
        self.register_outputs({"group": self.group.name})

    def _group(self, name: str) -> cdn.AFDOriginGroup:
        probe = self.args.service.probe
        return cdn.AFDOriginGroup(
            f"{name}-origins", origin_group_name=self.args.service.name, session_affinity_state="Disabled",
            authentication=self._authentication(), **self.at,
            health_probe_settings=cdn.HealthProbeParametersArgs(
                probe_path=probe.path or self.args.probe_path, probe_request_type=probe.method,
                probe_protocol="Https", probe_interval_in_seconds=probe.interval_seconds),
            load_balancing_settings=cdn.LoadBalancingSettingsParametersArgs(
                sample_size=probe.sample_size, successful_samples_required=probe.successful_samples,
                additional_latency_in_milliseconds=50),
            opts=pulumi.ResourceOptions(parent=self))

    def _authentication(self) -> cdn.OriginAuthenticationPropertiesArgs | None:
        if self.args.service.kind != Kind.STATIC:
            return None
        return cdn.OriginAuthenticationPropertiesArgs(
            type="UserAssignedIdentity", scope=STORAGE_SCOPE,
            user_assigned_identity=cdn.ResourceReferenceArgs(id=self.edge.identity.id))

    def _origin(self, name: str, region: str) -> cdn.AFDOrigin:
        """`origin_host_header` is named, else the client's host is forwarded, which App Service and storage refuse:
        https://learn.microsoft.com/azure/frontdoor/origin#origin-host-header"""
        return cdn.AFDOrigin(
            f"{name}-{region}", origin_name=region, origin_group_name=self.group.name, **self.at,
            host_name=self.args.hosts[region], origin_host_header=self.args.hosts[region],
            priority=1 if region == self.args.primary else 2, weight=1000, enabled_state="Enabled",
            http_port=80, https_port=443, enforce_certificate_name_check=True,
            opts=pulumi.ResourceOptions(parent=self))

    def _route(self, name: str, group: cdn.AFDOriginGroup, origins: Sequence[cdn.AFDOrigin]) -> cdn.Route:
        """Waits for the origins: Azure refuses a route to a group without one."""
        return cdn.Route(
            f"{name}-route", route_name=self.args.service.name, endpoint_name=self.edge.endpoint.name, **self.at,
            origin_group=cdn.ResourceReferenceArgs(id=group.id), patterns_to_match=_patterns(self.args.service.path),
            origin_path=self._origin_path(), supported_protocols=["Http", "Https"], https_redirect="Enabled",
            forwarding_protocol="HttpsOnly", link_to_default_domain="Enabled", enabled_state="Enabled",
            cache_configuration=self._cache(), opts=pulumi.ResourceOptions(parent=self, depends_on=list(origins)))

    def _origin_path(self) -> str | None:
        return {Kind.STATIC: f"/{self.args.container}/", Kind.FUNCTION_APP: "/"}.get(self.args.service.kind)

    def _cache(self) -> cdn.AfdRouteCacheConfigurationArgs | None:
        """Only static content is cached at the edge; pages and answers differ by user and moment."""
        if self.args.service.kind != Kind.STATIC:
            return None
        return cdn.AfdRouteCacheConfigurationArgs(
            query_string_caching_behavior="IgnoreQueryString",
            compression_settings=cdn.CompressionSettingsArgs(
                is_compression_enabled=True, content_types_to_compress=["text/html", "text/css", "image/svg+xml"]))


def _patterns(path: str) -> list[str]:
    """`/api` -> itself and everything below.  https://learn.microsoft.com/azure/frontdoor/front-door-route-matching"""
    return ["/*"] if path == "/" else [path, f"{path}/*"]
