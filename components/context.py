"""What every component of one stack needs to know."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization

from components.config import Deployer, Platform
from components.naming import Naming


@dataclass(frozen=True)
class Context:
    """`subscription` and `tenant` are ids; they are known when the program starts, so names never wait for them."""

    platform: Platform
    naming: Naming
    subscription: str
    tenant: str
    deployers: tuple[tuple[str, str | None], ...]
    """(object id, Entra type or None when not known) of those who may write the site's files."""

    @property
    def tags(self) -> dict[str, str]:
        return self.naming.tags

    def role(self, role_id: str) -> str:
        return f"/subscriptions/{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_id}"

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
                   _deployers(platform.deployers) or ((client.object_id, None),))


def _deployers(configured: tuple[Deployer, ...]) -> tuple[tuple[str, str | None], ...]:
    return tuple((deployer.object_id, deployer.type) for deployer in configured)
