"""The worker on Flex Consumption."""

import pytest


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_the_worker_runs_on_a_flex_plan_of_its_own(recorded, region):
    site = recorded.inputs("azure-native:web:WebApp", f"worker-{region}")
    plan = recorded.inputs("web:AppServicePlan", f"flex-{region}")
    assert site["serverFarmId"] == f"/id/flex-{region}", "one app per plan, as Flex demands"
    assert plan["sku"] == {"name": "FC1", "tier": "FlexConsumption"}, "Linux Consumption retires"
    assert site["kind"] == "functionapp,linux", "so that the Functions host runs it"


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_the_worker_reads_its_package_with_its_own_identity(recorded, region):
    config = recorded.inputs("azure-native:web:WebApp", f"worker-{region}")["functionAppConfig"]
    storage = config["deployment"]["storage"]
    assert storage["value"].endswith(".blob.core.windows.net/packages"), "the container of the host account"
    assert storage["authentication"] == {"type": "UserAssignedIdentity",
                                         "userAssignedIdentityResourceId": f"/id/identity-worker-{region}"}, "no key"
    assert f"host-{region}-packages" in recorded.one("azure-native:web:WebApp", f"worker-{region}").after, \
        "Flex refuses a container that is not there"
    assert config["runtime"] == {"name": "python", "version": "3.12"}, "the runtime of functions/"
    assert config["scaleAndConcurrency"]["alwaysReady"] == [{"name": "function:commands", "instanceCount": 1}], \
        "commands are applied at once, not after a cold start"


NOT_ON_FLEX = {"ftpsState", "linuxFxVersion", "alwaysOn", "use32BitWorkerProcess", "functionAppScaleLimit",
               "preWarmedInstanceCount", "vnetRouteAllEnabled"}
"""https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations"""


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_the_worker_names_nothing_that_flex_refuses(recorded, region):
    site = recorded.inputs("azure-native:web:WebApp", f"worker-{region}")
    assert not NOT_ON_FLEX & set(site["siteConfig"]), "Azure answers: for Flex Consumption sites is invalid"
    names = [item["name"] for item in site["siteConfig"]["appSettings"]]
    assert not [name for name in names if name.startswith(("WEBSITE_", "FUNCTIONS_", "SCM_", "ENABLE_ORYX"))], \
        "the runtime and the build are said elsewhere"


@pytest.mark.parametrize("region", ["eastus", "westus"])
def test_the_host_works_without_a_connection_string(recorded, region):
    settings = {item["name"]: item["value"] for item in
                recorded.inputs("azure-native:web:WebApp", f"worker-{region}")["siteConfig"]["appSettings"]}
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity", "an identity instead"
    assert settings["AzureWebJobsStorage__clientId"] == f"client-identity-worker-{region}", "the worker's own"
    assert "AzureWebJobsStorage" not in settings, "a connection string would hold a key"


def test_the_migrator_is_assigned_to_the_worker_and_to_nobody_else(recorded):
    holders = {name for name, item in recorded.of("azure-native:web:WebApp").items()
               if any("migrator" in one for one in item.inputs["identity"]["userAssignedIdentities"])}
    assert holders == {"worker-eastus", "worker-westus"}, "only the worker migrates"


def test_no_instance_is_kept_ready_when_none_is_wanted(varied):
    config = varied.inputs("azure-native:web:WebApp", "worker-eastus")["functionAppConfig"]
    assert config["scaleAndConcurrency"]["alwaysReady"] == [], "a test stack sleeps"
