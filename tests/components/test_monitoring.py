"""Logs and traces."""

import pytest


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_traces_of_a_region_stay_in_that_region(recorded, region):
    insights = recorded.inputs("applicationinsights:Component", f"monitoring-{region}-insights")
    workspace = recorded.inputs("operationalinsights:Workspace", f"monitoring-{region}-logs")
    assert insights["workspaceResourceId"] == f"/id/monitoring-{region}-logs", "they outlive the other region"
    assert insights["location"] == workspace["location"] == region, "both are there"
    assert insights["disableLocalAuth"] is True, "the instrumentation key alone must not be enough to write"
    assert workspace["retentionInDays"] == 30, "as configured"


def test_every_app_may_write_metrics_into_its_own_regions_component(recorded):
    for app in ("web", "api", "worker"):
        for region in ("eastus", "westus"):
            grant = recorded.inputs("authorization:RoleAssignment", f"may-{app}-{region}-metrics")
            assert grant["scope"] == f"/id/monitoring-{region}-insights", f"{app} writes where it runs"
