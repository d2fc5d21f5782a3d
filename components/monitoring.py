"""Logs and traces of one region, kept in that region so that they outlive the other one."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import applicationinsights, operationalinsights

from components.context import Context


@dataclass(frozen=True)
class MonitoringArgs:
    """Where logs are kept."""

    context: Context
    group: pulumi.Input[str]
    location: str


class Monitoring(pulumi.ComponentResource):
    """A Log Analytics workspace and an Application Insights component that writes into it.

    Sending needs an Entra token, not the instrumentation key:
    https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication
    """

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("tracking:platform:Monitoring", name, None, opts)
        context = args.context
        self.workspace = operationalinsights.Workspace(
            f"{name}-logs", workspace_name=context.naming.of_kind("log", args.location),
            resource_group_name=args.group, location=args.location,
            sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"), retention_in_days=context.platform.log_days,
            tags=context.tags, opts=pulumi.ResourceOptions(parent=self))
        self.insights = applicationinsights.Component(
            f"{name}-insights", resource_name_=context.naming.of_kind("appi", args.location),
            resource_group_name=args.group, location=args.location, kind="web", application_type="web",
            ingestion_mode="LogAnalytics", workspace_resource_id=self.workspace.id, disable_local_auth=True,
            tags=context.tags, opts=pulumi.ResourceOptions(parent=self))
        self.id, self.connection = self.insights.id, self.insights.connection_string
        self.register_outputs({"workspace": self.workspace.name})
