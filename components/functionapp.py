"""The worker: a function app on a Flex Consumption plan of its own."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import web

from components.context import Context
from components.settings import as_pairs
from components.storage import Storage
from components.webapp import SiteArgs, no_basic_auth, scm_host, site_basics, site_security

PACKAGES = "packages"
"""The container of the host account that Functions keeps the deployed package in."""


@dataclass(frozen=True)
class FunctionAppArgs:
    """`host` is the account that the Functions host works with."""

    site: SiteArgs
    host: Storage


class FunctionApp(pulumi.ComponentResource):
    """A Python function app that scales with its queues and reads its package with its own identity.

    Flex, because Linux Consumption retires in 2028; one app per plan, as Flex demands:
    https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan
    It has no FTP and refuses a site that names an FTP state, a Linux stack or a worker runtime:
    https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations
    """

    def __init__(self, name: str, args: FunctionAppArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:FunctionApp", name, None, opts)
        site, context = args.site, args.site.context
        self.site = web.WebApp(
            name, kind="functionapp,linux", reserved=True, **site_basics(site),
            function_app_config=self._runtime(args),
            site_config=web.SiteConfigArgs(app_settings=as_pairs(site.settings), **site_security(site)),
            opts=context.options(self, *site.after, *args.host.containers.values()))
        self.host = self.site.default_host_name
        self.scm_host = scm_host(self.site)
        self.policy = no_basic_auth(name, site, self.site)
        self.register_outputs({"host": self.host})

    def _runtime(self, args: FunctionAppArgs) -> web.FunctionAppConfigArgs:
        compute = args.site.context.platform.compute
        ready = [web.FunctionsAlwaysReadyConfigArgs(name="function:commands", instance_count=compute.always_ready)]
        return web.FunctionAppConfigArgs(
            deployment=web.FunctionsDeploymentArgs(storage=web.FunctionsDeploymentStorageArgs(
                type="blobContainer", value=pulumi.Output.concat(args.host.blob_uri, PACKAGES),
                authentication=web.FunctionsDeploymentStorageAuthenticationArgs(
                    type="UserAssignedIdentity",
                    user_assigned_identity_resource_id=args.site.identities[0].id))),
            runtime=web.FunctionsRuntimeArgs(name="python", version=compute.python),
            scale_and_concurrency=web.FunctionsScaleAndConcurrencyArgs(
                always_ready=ready if compute.always_ready else [], instance_memory_mb=compute.function_memory_mb,
                maximum_instance_count=compute.function_instances))


def make_flex_plan(context: Context, location: str, group: pulumi.Input[str],
                   parent: pulumi.Resource) -> web.AppServicePlan:
    """FC1, the only size there is."""
    return web.AppServicePlan(
        f"flex-{location}", name=context.naming.of_kind("plan", "flex", location), resource_group_name=group,
        location=location, kind="functionapp", reserved=True, tags=context.tags,
        sku=web.SkuDescriptionArgs(name="FC1", tier="FlexConsumption"), opts=pulumi.ResourceOptions(parent=parent))
