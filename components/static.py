"""Static content: an account that stays readable when its region is lost."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native.authorization import RoleAssignment

from components.content import Content, ContentArgs
from components.context import Context
from components.edge import Edge
from components.identity import Role, assign, grant
from components.service import Principal
from components.storage import Storage, StorageArgs

CONTAINER = "site"
PROBE_BLOB = "health.txt"
"""The blob that Front Door probes: `/` of an account answers 400."""


@dataclass(frozen=True)
class StaticArgs:
    """`location` is where the account is written; it is read there and in the paired region."""

    context: Context
    group: pulumi.Input[str]
    location: str
    edge: Edge


class StaticSite(pulumi.ComponentResource):
    """An RA-GRS account, its container, the site's files, and who has rights in it: the edge (read), deployers (write).

    Nothing private lies here: it keeps a public endpoint, because a managed identity and private link exclude
    each other at a Front Door origin.
    """

    def __init__(self, name: str, args: StaticArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:StaticSite", name, None, opts)
        context = args.context
        self.group, self.location = args.group, args.location
        self.storage = Storage(f"{name}-content", StorageArgs(
            context, args.group, args.location, "s", "Standard_RAGRS", containers=(CONTAINER,)),
            pulumi.ResourceOptions(parent=self))
        below = pulumi.ResourceOptions(parent=self.storage)
        self.container = self.storage.containers[CONTAINER]
        self.reader = grant(context, "edge-read-static", args.edge.identity, Role.BLOB_READER, self.container.id, below)
        writers = [self._writer(context, index, deployer) for index, deployer in enumerate(context.deployers)]
        self.content = Content(name, ContentArgs(self.storage.id, self.storage.blob_uri, CONTAINER),
                               context.options(self, *writers, self.container))
        self.register_outputs({"account": self.storage.name})

    def _writer(self, context: Context, index: int, deployer: Principal) -> RoleAssignment:
        return assign(f"may-deployer-{index}-write-static", deployer.object_id, deployer.type,
                      context.role(Role.BLOB_CONTRIBUTOR), self.container.id,
                      pulumi.ResourceOptions(parent=self.storage))
