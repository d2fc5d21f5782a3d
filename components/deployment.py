"""Code on its way into an app: one Pulumi resource for each app and region, keyed on what the code is."""

import typing
from dataclasses import dataclass

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult
from pulumi.output import Unknown

from components import packages

Props = dict[str, typing.Any]
REMOTELY_BUILT = "functions"
"""The package whose request asks for a build; web apps have a setting for that, SCM_DO_BUILD_DURING_DEPLOYMENT."""


def changed(olds: Props, news: Props, *keys: str) -> bool:
    """Whether a known value differs; in previews some are not known yet."""
    return any(not isinstance(news.get(key), Unknown) and news.get(key) != olds.get(key) for key in keys)


def difference(moved: list[str], differs: bool) -> DiffResult:
    """A change is answered with "unknown", because the engine then compares the inputs itself and its preview names
    the file; with "yes" it would only say that something changed.
    https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/step_generator.go (diffResource)"""
    return DiffResult(changes=None if moved or differs else False, replaces=moved)


class DeploymentFailed(Exception):
    """The app did not take the package, or does not answer with it."""


class DeploymentProvider(ResourceProvider):
    """Posts the package; nothing of this machine gets into the state, for the zip is made from the clone that runs.

    https://learn.microsoft.com/azure/app-service/deploy-zip and
    https://learn.microsoft.com/azure/azure-functions/functions-deployment-technologies#one-deploy
    """

    serialize_as_secret_always = False

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        """Another site (or one about to be replaced, whose id is not known) needs its own deployment; hosts that are
        not known are those of a site that is only updated, and stay as they are."""
        moved = [key for key in ("site", "app", "region") if olds.get(key) != news.get(key)]
        return difference(moved, changed(olds, news, "sha256", "scmHost", "appHost"))

    def create(self, props: Props) -> CreateResult:
        return CreateResult(f"{props['app']}-{props['region']}", self._deploy(props))

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(self._deploy(news))

    def _deploy(self, props: Props) -> Props:
        from components.publish import publish
        package = packages.load(props["package"])
        if package.sha256 != props["sha256"]:
            raise DeploymentFailed(f"{props['app']}: the sources changed while `pulumi up` ran; run it again")
        publish(props["scmHost"], props["appHost"], package.archive(), package.build, package.name == REMOTELY_BUILT)
        return props


@dataclass(frozen=True)
class DeploymentArgs:
    """`site` is the app's resource id; hosts are `host[:port]`."""

    app: str
    region: str
    package: packages.Package
    site: pulumi.Input[str]
    scm_host: pulumi.Input[str]
    app_host: pulumi.Input[str]


class Deployment(Resource, module="tracking", name="Deployment"):
    """The package in one app of one region.  Its inputs name every file, so that a preview shows what changed."""

    build: pulumi.Output[str]

    def __init__(self, name: str, args: DeploymentArgs, opts: pulumi.ResourceOptions | None = None):
        package = args.package
        super().__init__(DeploymentProvider(), name, {
            "app": args.app, "region": args.region, "site": args.site, "scmHost": args.scm_host,
            "appHost": args.app_host, "package": package.name, "sha256": package.sha256, "build": package.build,
            "files": package.files}, opts)
