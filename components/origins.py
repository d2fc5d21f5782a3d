"""Origin groups of Front Door: who may answer for a service, in which order, and how each is probed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import cdn

from components.edge import Edge
from components.service import Kind, Service

STORAGE_SCOPE = "https://storage.azure.com/.default"


@dataclass(frozen=True)
class OriginsArgs:
    """`name` is the group's; `hosts`: region -> `host[:port]` of the origin there; `priorities`: region -> 1 (first)
    to 5; `probe_path` is asked unless the service's own configuration names another; `after` are rights that the
    probe needs (a component's own `depends_on` does not reach its children)."""

    edge: Edge
    service: Service
    name: str
    hosts: Mapping[str, pulumi.Input[str]]
    priorities: Mapping[str, int]
    probe_path: str
    after: Sequence[pulumi.Resource] = ()


class Origins(pulumi.ComponentResource):
    """A group with an origin in each region.

    Any instance may answer any request: no session affinity, which the SDK leaves undecided.  Static content is
    read with the edge's identity over HTTPS, private link being no choice then:
    https://learn.microsoft.com/azure/frontdoor/origin-authentication-with-managed-identities
    """

    def __init__(self, name: str, args: OriginsArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Origins", name, None, opts)
        self.args = args
        self.at = {"profile_name": args.edge.profile.name, "resource_group_name": args.edge.group}
        self.group = self._group(name)
        self.origins = [self._origin(name, region) for region in args.hosts]
        self.reference = cdn.ResourceReferenceArgs(id=self.group.id)
        self.register_outputs({"group": self.group.name})

    def _group(self, name: str) -> cdn.AFDOriginGroup:
        probe = self.args.service.probe
        return cdn.AFDOriginGroup(
            f"{name}-group", origin_group_name=self.args.name, session_affinity_state="Disabled",
            authentication=self._authentication(), **self.at,
            health_probe_settings=cdn.HealthProbeParametersArgs(
                probe_path=probe.path or self.args.probe_path, probe_request_type=probe.method,
                probe_protocol="Https", probe_interval_in_seconds=probe.interval_seconds),
            load_balancing_settings=cdn.LoadBalancingSettingsParametersArgs(
                sample_size=probe.sample_size, successful_samples_required=probe.successful_samples,
                additional_latency_in_milliseconds=50),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self.args.after)))

    def _authentication(self) -> cdn.OriginAuthenticationPropertiesArgs | None:
        if self.args.service.kind != Kind.STATIC:
            return None
        return cdn.OriginAuthenticationPropertiesArgs(
            type="UserAssignedIdentity", scope=STORAGE_SCOPE,
            user_assigned_identity=cdn.ResourceReferenceArgs(id=self.args.edge.identity.id))

    def _origin(self, name: str, region: str) -> cdn.AFDOrigin:
        """`origin_host_header` is named, else the client's host is forwarded, which App Service and storage refuse:
        https://learn.microsoft.com/azure/frontdoor/origin#origin-host-header"""
        return cdn.AFDOrigin(
            f"{name}-{region}", origin_name=region, origin_group_name=self.group.name, **self.at,
            host_name=self.args.hosts[region], origin_host_header=self.args.hosts[region],
            priority=self.args.priorities[region], weight=1000, enabled_state="Enabled",
            http_port=80, https_port=443, enforce_certificate_name_check=True,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=self._left_alone()))

    def _left_alone(self) -> list[str]:
        """Operators disable an origin to move what has no probe of its own, and a storage failover takes away the name
        of the copy; an `up` must undo neither."""
        return ["enabledState", *(["hostName", "originHostHeader"] if self.args.service.kind == Kind.STATIC else [])]
