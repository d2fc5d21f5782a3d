"""App Service: the plan of a region and the web apps that run on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import web
from pulumi_azure_native.managedidentity import UserAssignedIdentity

from components.config import Region
from components.context import Context
from components.service import Service
from components.settings import Settings, as_pairs


@dataclass(frozen=True)
class SiteArgs:
    """`plan` is an id; `identities` begins with the app's own, which also reads the vault;
    `after` are the rights without which the app would start in vain."""

    context: Context
    group: pulumi.Input[str]
    location: str
    service: Service
    plan: pulumi.Input[str]
    identities: Sequence[UserAssignedIdentity]
    settings: Settings
    front_door_id: pulumi.Input[str]
    after: Sequence[pulumi.Resource]


class WebApp(pulumi.ComponentResource):
    """A Linux web app that admits only this platform's Front Door, and deployment only by Entra token.

    The zip is built on the app (`SCM_DO_BUILD_DURING_DEPLOYMENT`), because running from a package is not
    supported for Python: https://learn.microsoft.com/azure/app-service/deploy-run-package
    App Service replaces instances whose `/livez` fails; `/healthz` is Front Door's.
    """

    def __init__(self, name: str, args: SiteArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:WebApp", name, None, opts)
        settings = {**args.settings, "SCM_DO_BUILD_DURING_DEPLOYMENT": "true"}
        self.site = web.WebApp(
            name, kind="app,linux", reserved=True, **site_basics(args),
            site_config=web.SiteConfigArgs(
                linux_fx_version=f"PYTHON|{args.context.platform.compute.python}",
                app_command_line=args.service.start_command, app_settings=as_pairs(settings), always_on=True,
                ftps_state="Disabled", health_check_path="/livez", **site_security(args)),
            opts=args.context.options(self, *args.after))
        self.host = self.site.default_host_name
        self.scm_host = scm_host(self.site)
        self.policy = no_basic_auth(name, args, self.site)
        self.register_outputs({"host": self.host})


def make_plan(context: Context, region: Region, group: pulumi.Input[str],
              parent: pulumi.Resource) -> web.AppServicePlan:
    """The instances that web apps of one region share; `reserved` means Linux.  How many there are is left alone
    after creation: operators raise it ahead of a region's traffic, and an `up` must not take it away again."""
    instances = context.platform.first_instances(region)
    return web.AppServicePlan(
        f"plan-{region.location}", name=context.naming.of_kind("plan", region.location), resource_group_name=group,
        location=region.location, kind="linux", reserved=True, zone_redundant=region.spread,
        sku=web.SkuDescriptionArgs(name=context.platform.compute.plan_sku, capacity=instances),
        tags=context.tags, opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["sku.capacity"]))


def site_basics(args: SiteArgs) -> dict[str, object]:
    """What web apps and function apps have in common."""
    return {
        "name": args.context.naming.of_kind("app", args.service.name, args.location),
        "resource_group_name": args.group, "location": args.location, "server_farm_id": args.plan,
        "https_only": True, "client_affinity_enabled": False, "public_network_access": "Enabled",
        "identity": web.ManagedServiceIdentityArgs(
            type="UserAssigned", user_assigned_identities=[identity.id for identity in args.identities]),
        "key_vault_reference_identity": args.identities[0].id,
        "tags": {**args.context.tags, "service": args.service.name, "owner": args.service.owner},
    }


def site_security(args: SiteArgs) -> dict[str, object]:
    """Only Front Door, and of all Front Doors only ours; deployment from the deployers' addresses, if named.
    https://learn.microsoft.com/azure/app-service/app-service-ip-restrictions#restrict-access-to-a-specific-azure-front-door-instance"""
    addresses = args.context.platform.deployer_addresses
    return {
        "min_tls_version": "1.2", "scm_min_tls_version": "1.2", "http20_enabled": True,
        "remote_debugging_enabled": False, "ip_security_restrictions_default_action": "Deny",
        "ip_security_restrictions": [web.IpSecurityRestrictionArgs(
            name="front-door", action="Allow", priority=100, tag="ServiceTag", ip_address="AzureFrontDoor.Backend",
            headers={"x-azure-fdid": [args.front_door_id]})],
        "scm_ip_security_restrictions_use_main": False,
        "scm_ip_security_restrictions_default_action": "Deny" if addresses else "Allow",
        "scm_ip_security_restrictions": [web.IpSecurityRestrictionArgs(
            name=f"deployer-{index}", action="Allow", priority=100 + index, ip_address=address)
            for index, address in enumerate(addresses)],
    }


def no_basic_auth(name: str, args: SiteArgs, site: web.WebApp) -> web.WebAppScmAllowed:
    """https://learn.microsoft.com/azure/app-service/configure-basic-auth-disable"""
    return web.WebAppScmAllowed(f"{name}-basic-auth", name=site.name, resource_group_name=args.group, allow=False,
                                opts=pulumi.ResourceOptions(parent=site))


def scm_host(site: web.WebApp) -> pulumi.Output[str]:
    """The host that takes deployments, as App Service names it among the site's host names."""
    return site.host_name_ssl_states.apply(
        lambda states: next((state.name for state in states or [] if state.host_type == "Repository"), ""))
