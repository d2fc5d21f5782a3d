"""Web apps on App Service."""

import pytest

APPS = [(app, region) for app in ("web", "api") for region in ("eastus", "westus")]


def site(engine, name):
    return engine.inputs("azure-native:web:WebApp", name)


@pytest.mark.parametrize(("app", "region"), APPS)
def test_a_web_app_starts_the_portal_on_python(recorded, app, region):
    config = site(recorded, f"{app}-{region}")["siteConfig"]
    assert config["linuxFxVersion"] == "PYTHON|3.12", "the runtime of the portal"
    assert config["appCommandLine"] == f"python -m portal.serve {app}", "what App Service starts"
    assert config["healthCheckPath"] == "/livez", "a fenced region's instances must not be replaced: not /healthz"
    assert {"name": "SCM_DO_BUILD_DURING_DEPLOYMENT", "value": "true"} in config["appSettings"], \
        "requirements are installed on the app"


@pytest.mark.parametrize(("app", "region"), [*APPS, ("worker", "eastus"), ("worker", "westus")])
def test_only_this_front_door_gets_in(recorded, app, region):
    config = site(recorded, f"{app}-{region}")["siteConfig"]
    assert config["ipSecurityRestrictionsDefaultAction"] == "Deny", "the internet does not get in"
    [rule] = config["ipSecurityRestrictions"]
    assert (rule["tag"], rule["ipAddress"]) == ("ServiceTag", "AzureFrontDoor.Backend"), "Front Door does"
    assert rule["headers"] == {"x-azure-fdid": ["front-door-id"]}, "and only ours"
    assert config["scmIpSecurityRestrictionsUseMain"] is False, "the deployer is not Front Door"


@pytest.mark.parametrize(("app", "region"), [*APPS, ("worker", "eastus"), ("worker", "westus")])
def test_no_password_deploys(recorded, app, region):
    policy = recorded.inputs("web:WebAppScmAllowed", f"{app}-{region}-basic-auth")
    assert policy["allow"] is False, "publishing profiles are passwords"
    if app != "worker":
        assert site(recorded, f"{app}-{region}")["siteConfig"]["ftpsState"] == "Disabled", "so is FTP"
    assert site(recorded, f"{app}-{region}")["httpsOnly"] is True, "tokens must not travel in the open"
    assert f"{app}-{region}-basic-auth" in recorded.one("Deployment", f"code-{app}-{region}").after, "closed before use"


def test_any_instance_serves_any_request(recorded):
    for app, region in APPS:
        assert site(recorded, f"{app}-{region}")["clientAffinityEnabled"] is False, f"{app} is stateless"


def test_a_plan_spreads_over_zones_where_there_are_some(recorded):
    east, west = (recorded.inputs("web:AppServicePlan", f"plan-{region}") for region in ("eastus", "westus"))
    assert (east["zoneRedundant"], west["zoneRedundant"]) == (True, False), "West US has none"
    assert east["sku"] == {"name": "P0v3", "capacity": 2}, "one instance in each of two zones"
    assert east["reserved"] is True, "Linux"


def test_a_standby_region_is_warm_and_failover_makes_it_larger(recorded, western, program, primary):
    west = recorded.one("web:AppServicePlan", "plan-westus")
    assert west.inputs["sku"]["capacity"] == 1, "it answers probes and reads"
    assert west.ignored == ("sku.capacity",), "`up` leaves it as large as a failover made it"
    made = {region: western.inputs("web:AppServicePlan", f"plan-{region}")["sku"]["capacity"]
            for region in ("eastus", "westus")}
    assert made == {"eastus": 2, "westus": 2}, "where a service comes first, and over zones, there are always two"
    primary["regions"][1]["standbyInstances"] = 2
    hot = program(primary).inputs("web:AppServicePlan", "plan-westus")
    assert hot["sku"]["capacity"] == 2, "as configured, never more than the region has when it serves"


def test_deployers_addresses_close_the_deployment_endpoint(varied, recorded):
    assert site(recorded, "web-eastus")["siteConfig"]["scmIpSecurityRestrictionsDefaultAction"] == "Allow", \
        "without addresses an Entra token is all that guards it"
    config = site(varied, "web-eastus")["siteConfig"]
    assert config["scmIpSecurityRestrictionsDefaultAction"] == "Deny", "with addresses nobody else reaches it"
    assert [rule["ipAddress"] for rule in config["scmIpSecurityRestrictions"]] == ["203.0.113.0/24"], "but they do"


def test_code_goes_to_the_deployment_host_that_app_service_names(recorded):
    code = recorded.inputs("Deployment", "code-web-eastus")
    host = site(recorded, "web-eastus")["name"]
    assert code["scmHost"] == f"{host}.scm.azurewebsites.net", "the host of type Repository"
    assert code["appHost"] == f"{host}.azurewebsites.net", "where /livez tells the build"
    assert code["build"] == code["sha256"][:12], "which is this one"
