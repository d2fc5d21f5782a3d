"""Code on its way into an app: one Pulumi resource for each app and region, keyed on what the code is."""

import typing
from dataclasses import dataclass

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from components import packages

Props = dict[str, typing.Any]


class DeploymentFailed(Exception):
    """The app did not take the package, or does not answer with it."""


class DeploymentProvider(ResourceProvider):
    """Posts the package; nothing of this machine gets into the state, for the zip is made from the clone that runs.

    https://learn.microsoft.com/azure/app-service/deploy-zip and
    https://learn.microsoft.com/azure/azure-functions/functions-deployment-technologies#one-deploy
    """

    serialize_as_secret_always = False

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        keys = ("sha256", "scmHost", "appHost", "package")
        return DiffResult(changes=any(olds.get(key) != news.get(key) for key in keys))

    def create(self, props: Props) -> CreateResult:
        return CreateResult(f"{props['app']}-{props['region']}", self._deploy(props))

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(self._deploy(news))

    def _deploy(self, props: Props) -> Props:
        from components.publish import publish
        if packages.sha256(props["package"]) != props["sha256"]:
            raise DeploymentFailed(f"{props['app']}: the sources changed while `pulumi up` ran; run it again")
        publish(props["scmHost"], props["appHost"], packages.archive(props["package"]), props["build"])
        return props


@dataclass(frozen=True)
class DeploymentArgs:
    """`package` is a key of packages.PACKAGES; hosts are `host[:port]`."""

    app: str
    region: str
    package: str
    scm_host: pulumi.Input[str]
    app_host: pulumi.Input[str]


class Deployment(Resource, module="tracking", name="Deployment"):
    """The package in one app of one region.  Its inputs name every file, so that a preview shows what changed."""

    build: pulumi.Output[str]

    def __init__(self, name: str, args: DeploymentArgs, opts: pulumi.ResourceOptions | None = None):
        digest = packages.sha256(args.package)
        super().__init__(DeploymentProvider(), name, {
            "app": args.app, "region": args.region, "package": args.package, "scmHost": args.scm_host,
            "appHost": args.app_host, "sha256": digest, "build": packages.build_id(digest),
            "files": packages.short_hashes(args.package)}, opts)
