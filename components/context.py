"""What every component of one stack needs to know."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization

from components.config import Platform
from components.naming import Naming
from components.service import Principal, Service

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in"""


@dataclass(frozen=True)
class Context:
    """`subscription` and `tenant` are ids; they are known when the program starts, so names never wait for them."""

    platform: Platform
    naming: Naming
    subscription: str
    tenant: str
    deployers: tuple[Principal, ...]
    """Those who may write the site's files and, where a service names no operators, fail it over."""

    @property
    def tags(self) -> dict[str, str]:
        return self.naming.tags

    def operators(self, service: Service) -> tuple[Principal, ...]:
        """Who may fail the service over."""
        return service.operators or self.deployers

    @property
    def scope(self) -> str:
        """The subscription's resource id."""
        return f"/subscriptions/{self.subscription}"

    def role(self, role_id: str) -> str:
        return f"{self.scope}/providers/Microsoft.Authorization/roleDefinitions/{role_id}"

    def options(self, parent: pulumi.Resource, *after: pulumi.Resource, **more: object) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=parent, depends_on=list(after) or None, **more)

    def keeps_data(self, parent: pulumi.Resource, **more: object) -> pulumi.ResourceOptions:
        """Options of what holds data: neither `destroy` nor a replacement may delete it while protected.
        https://www.pulumi.com/docs/iac/concepts/resources/options/protect/"""
        protect = self.platform.protect
        return pulumi.ResourceOptions(parent=parent, protect=protect, retain_on_delete=protect, **more)


def make_context(platform: Platform) -> Context:
    """Asks once who and where we are; the only look-up of the program."""
    client = authorization.get_client_config()
    naming = Naming.of(platform.name, client.subscription_id, pulumi.get_project(), pulumi.get_stack(),
                       {**platform.tags, "owner": platform.owner})
    return Context(platform, naming, client.subscription_id, client.tenant_id,
                   platform.deployers or (_whoever_runs(client),))


def _whoever_runs(client: authorization.GetClientConfigResult) -> Principal:
    return Principal(objectId=client.object_id, type=_principal_type(client.client_id))


def _principal_type(client_id: str) -> str:
    """A person signs in through the Azure CLI's own application, anything else through an application of its own.
    Left out, the SDK would say User of a pipeline's service principal, and Azure would refuse the role assignment."""
    return "User" if client_id in ("", AZURE_CLI) else "ServicePrincipal"
