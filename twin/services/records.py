"""Types of which nothing runs: they are kept, with the outputs that Azure would add."""

from collections.abc import Callable
from typing import Any

from twin.services.base import Cloud, Resource
from twin.services.shapes import guid, shaped

TELEMETRY = "https://localhost:9/"
"""Nothing listens there: telemetry is dropped, as it is without a network."""


def component(resource: Resource) -> dict[str, Any]:
    """https://learn.microsoft.com/azure/azure-monitor/app/connection-strings"""
    key = guid(resource.id, "instrumentation")
    app = guid(resource.id, "application")
    return {"instrumentationKey": key, "appId": app, "applicationId": resource.name, "provisioningState": "Succeeded",
            "connectionString": f"InstrumentationKey={key};IngestionEndpoint={TELEMETRY};LiveEndpoint={TELEMETRY};"
                                f"ApplicationId={app}"}


def workspace(resource: Resource) -> dict[str, Any]:
    """https://learn.microsoft.com/rest/api/loganalytics/workspaces/get"""
    return {"customerId": guid(resource.id, "customer"), "provisioningState": "Succeeded"}


def group(resource: Resource) -> dict[str, Any]:
    """https://learn.microsoft.com/rest/api/resources/resource-groups/get"""
    return {"properties": {"provisioningState": "Succeeded"}}


def rule(resource: Resource) -> dict[str, Any]:
    """https://learn.microsoft.com/rest/api/monitor/scheduled-query-rules/get"""
    return {"createdWithApiVersion": resource.inputs.get("azureApiVersion"), "isLegacyLogAnalyticsRule": False,
            "isWorkspaceAlertsStorageConfigured": False}


def nothing(resource: Resource) -> dict[str, Any]:
    """Azure adds nothing that anybody reads."""
    return {}


OUTPUTS: dict[str, Callable[[Resource], dict[str, Any]]] = {
    "azure-native:resources:ResourceGroup": group,
    "azure-native:operationalinsights:Workspace": workspace,
    "azure-native:applicationinsights:Component": component,
    "azure-native:monitor:ActionGroup": nothing,
    "azure-native:monitor:MetricAlert": nothing,
    "azure-native:monitor:ScheduledQueryRule": rule,
}


class Records:
    """Adds outputs to what was asked for."""

    realised = frozenset()
    recorded = frozenset(OUTPUTS)

    async def put(self, cloud: Cloud, resource: Resource, previous: Resource | None) -> dict[str, Any]:
        """The same for the same inputs."""
        return shaped(resource, **OUTPUTS.get(resource.type, lambda _: {})(resource))

    async def delete(self, cloud: Cloud, resource: Resource) -> None:
        """Nothing runs."""

    async def restore(self, cloud: Cloud, resource: Resource) -> None:
        """Nothing runs."""


SERVICE = Records()
